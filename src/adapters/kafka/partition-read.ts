import type { LogRecord, NextOptions } from '../../ports/log.ts'
import type { Cluster } from './cluster.ts'
import { batchCodec } from './codec.ts'
import type { Connections } from './connections.ts'
import { meaningOf } from './errors.ts'
import { fetchRecords } from './fetch.ts'
import { rangesOf } from './partition-offsets.ts'
import { endOfBatches, RecordCursor } from './record-cursor.ts'

/** Most bytes of one answer, but for a batch that is larger by itself. */
const maxFetchBytes = 4 * 1024 * 1024
/** Most of one wait at the broker, in milliseconds. */
const longestWaitMs = 5_000

/** Reads without a group, once. See `LogAdmin.read`. */
export async function readPartition(
  cluster: Cluster,
  topic: string,
  partition: number,
  from: number,
  options: NextOptions,
): Promise<readonly LogRecord[]> {
  options.signal?.throwIfAborted()
  // A broker holds back the answer to a fetch, and with it those to all later requests of a connection.
  const connections = cluster.connect(longestWaitMs + cluster.settings.connection.requestTimeout)
  const aborted = Promise.withResolvers<never>()
  const onAbort = () => aborted.reject(options.signal!.reason)
  options.signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([readUntil(cluster, connections, topic, partition, from, options), aborted.promise])
  } finally {
    options.signal?.removeEventListener('abort', onAbort)
    await connections.close()
  }
}

async function readUntil(
  cluster: Cluster,
  connections: Connections,
  topic: string,
  partition: number,
  from: number,
  options: NextOptions,
): Promise<readonly LogRecord[]> {
  const startedAt = cluster.clock.elapsed()
  let offset = Math.max(0, from)
  for (;;) {
    const left = options.waitMs - (cluster.clock.elapsed() - startedAt)
    const waitMs = Math.trunc(Math.max(0, Math.min(left, longestWaitMs)))
    const found = await cluster.retrying(`read ${topic}[${partition}]`, topic, () =>
      fetchOnce(cluster, connections, topic, partition, offset, waitMs, options),
    )
    if (found.records.length > 0) return found.records
    if (found.next > offset) offset = found.next
    else if (left <= 0) return []
    options.signal?.throwIfAborted()
  }
}

/** No records, and where to go on, if what was there is no record: a mark of a transaction's end, or deleted. */
async function fetchOnce(
  cluster: Cluster,
  connections: Connections,
  topic: string,
  partition: number,
  offset: number,
  waitMs: number,
  options: NextOptions,
): Promise<{ readonly records: readonly LogRecord[]; readonly next: number }> {
  const leader = await cluster.leader(topic, partition)
  const positions = [{ partition, offset, maxBytes: maxFetchBytes }]
  const limits = { waitMs, maxBytes: maxFetchBytes }
  const [answer] = await fetchRecords(cluster.client, connections, leader, topic, positions, limits)
  if (answer === undefined) return { records: [], next: offset }
  if (answer.errorCode !== 0) {
    const error = new cluster.client.ProtocolError(answer.errorCode)
    if (meaningOf(error)?.code !== 'OFFSET_OUT_OF_RANGE') throw error
    const { start } = (await rangesOf(cluster, topic))[partition]!
    if (offset < start) return { records: [], next: start }
    // Beyond the end there is nothing yet. The broker does not wait there, so it is asked again after a pause.
    await cluster.clock.sleep(Math.min(waitMs, 100))
    return { records: [], next: offset }
  }
  const place = `${topic}[${partition}]`
  const cursor = new RecordCursor(answer.records, offset, answer.aborted, batchCodec(cluster.client), place)
  return { records: cursor.take(options), next: Math.max(offset, endOfBatches(answer.records) ?? offset) }
}
