import type { Broker, Reader } from '@platformatic/kafka'
import type { KafkaClient } from './client.ts'
import type { Connections } from './connections.ts'
import type { AbortedTransaction } from './record-cursor.ts'

export interface FetchPosition {
  readonly partition: number
  readonly offset: number
  readonly maxBytes: number
}

export interface FetchLimits {
  /** How long the broker may wait for the first byte, in milliseconds. */
  readonly waitMs: number
  /** Over all partitions; a first batch is sent whole, however large. */
  readonly maxBytes: number
}

export interface FetchedPartition {
  readonly partition: number
  /** The protocol's number; 0 is none. */
  readonly errorCode: number
  /** The first offset that may still be of an open transaction: nothing from it on is readable yet. */
  readonly lastStableOffset: number
  /** -1 with an error. */
  readonly start: number
  readonly aborted: readonly AbortedTransaction[]
  /** Record batches as they are stored; the last may be cut off. */
  readonly records: Buffer
}

const fetchVersion = 12
const readCommitted = 1
const nothing = Buffer.alloc(0)

/** Asks a leader for records of one topic. The client's own request would decode every record as it arrives. */
export async function fetchRecords(
  client: KafkaClient,
  connections: Connections,
  leader: Broker,
  topic: string,
  positions: readonly FetchPosition[],
  { waitMs, maxBytes }: FetchLimits,
): Promise<readonly FetchedPartition[]> {
  const connection = await connections.to(leader)
  const { key } = client.fetchV12.api
  const { promise, resolve, reject } = Promise.withResolvers<readonly FetchedPartition[]>()
  const partitions = positions.map(position => ({
    partition: position.partition,
    currentLeaderEpoch: -1,
    fetchOffset: BigInt(position.offset),
    lastFetchedEpoch: -1,
    partitionMaxBytes: position.maxBytes,
  }))
  connection.send<readonly FetchedPartition[]>(
    key,
    fetchVersion,
    () =>
      client.fetchV12.createRequest(
        waitMs,
        1,
        maxBytes,
        readCommitted,
        0,
        -1,
        [{ topicId: topic, partitions }],
        [],
        '',
      ),
    (_correlation, apiKey, version, reader) => readAnswer(client, apiKey, version, reader),
    true,
    true,
    (error, fetched) => (error ? reject(error) : resolve(fetched!)),
  )
  return promise
}

/** https://kafka.apache.org/protocol.html#The_Messages_Fetch, version 12. */
function readAnswer(client: KafkaClient, apiKey: number, version: number, reader: Reader): FetchedPartition[] {
  reader.readInt32() // throttle time
  const errorCode = reader.readInt16()
  if (errorCode !== 0) throw new client.ResponseError(apiKey, version, { '/': [errorCode, null] }, {})
  reader.readInt32() // session
  const topics = reader.readArray(topic => {
    topic.readString()
    return topic.readArray(readPartition)
  })
  return topics.flat()
}

function readPartition(reader: Reader): FetchedPartition {
  const partition = reader.readInt32()
  const errorCode = reader.readInt16()
  reader.readInt64() // high watermark
  const lastStableOffset = Number(reader.readInt64())
  const start = Number(reader.readInt64())
  const aborted = reader.readNullableArray(transaction => ({
    producerId: transaction.readInt64(),
    firstOffset: transaction.readInt64(),
  }))
  reader.readInt32() // preferred replica
  // Compact bytes: their length plus one, 0 for null.
  const length = Math.max(0, reader.readUnsignedVarInt() - 1)
  const records = length === 0 ? nothing : reader.buffer.slice(reader.position, reader.position + length)
  reader.skip(length)
  return { partition, errorCode, lastStableOffset, start, aborted: aborted ?? [], records }
}
