/** A worker thread that joins `group` on `users` and posts every event. */
import { parentPort, workerData } from 'node:worker_threads'
import { openEmbeddedLog } from '../../../../src/adapters/embedded/log/log.ts'
import { systemClock } from '../../../../src/adapters/system/clock.ts'

const log = openEmbeddedLog({ path: workerData.path, clock: systemClock })
const subscription = await log.subscribe({
  group: 'group',
  topic: 'users',
  member: 'thread',
  sessionTimeoutMs: workerData.sessionTimeoutMs,
})
for (;;) {
  const event = await subscription.next({ maxRecords: 1_000, maxBytes: 1e6, waitMs: 60_000 })
  if (event.kind === 'assigned') subscription.seek(event.partition, 0)
  parentPort!.postMessage(event)
}
