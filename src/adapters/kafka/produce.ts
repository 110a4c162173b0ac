import type { Broker } from '@platformatic/kafka'
import type { KafkaClient } from './client.ts'
import type { Connections } from './connections.ts'

/** One batch for one partition: more a request does not take. */
export interface PartitionBatch {
  readonly topic: string
  readonly partition: number
  readonly count: number
  readonly bytes: Buffer
}

const produceVersion = 9

type ProduceResponse = ReturnType<KafkaClient['produceV9']['parseResponse']>

/**
 * Sends batches to the leader of their partitions and waits until every in-sync replica has them. The client's own
 * request would encode every record through objects of several kinds; these batches are ready.
 */
export async function produce(
  client: KafkaClient,
  connections: Connections,
  leader: Broker,
  transactionalId: string,
  timeoutMs: number,
  batches: readonly PartitionBatch[],
): Promise<ProduceResponse> {
  const connection = await connections.to(leader)
  const topics = Map.groupBy(batches, batch => batch.topic)
  const { promise, resolve, reject } = Promise.withResolvers<ProduceResponse>()
  const { key } = client.produceV9.api
  connection.send(
    key,
    produceVersion,
    () =>
      client.Writer.create()
        .appendString(transactionalId)
        .appendInt16(client.ProduceAcks.ALL)
        .appendInt32(timeoutMs)
        .appendArray([...topics], (writer, [topic, batches]) => {
          writer.appendString(topic).appendArray(batches, (writer, { partition, bytes }) => {
            writer
              .appendInt32(partition)
              .appendUnsignedVarInt(bytes.length + 1)
              .append(bytes)
          })
        })
        .appendTaggedFields(),
    client.produceV9.parseResponse,
    true,
    true,
    (error, response) => (error ? reject(error) : resolve(response!)),
  )
  return promise
}
