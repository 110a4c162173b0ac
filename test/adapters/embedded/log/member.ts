/** Joins `group` on `users` and prints every event as JSON, for ever. */
import { openEmbeddedLog } from '../../../../src/adapters/embedded/log/log.ts'
import { systemClock } from '../../../../src/adapters/system/clock.ts'

const [path, sessionTimeoutMs] = process.argv.slice(2)
const log = openEmbeddedLog({ path: path!, clock: systemClock })
const subscription = await log.subscribe({
  group: 'group',
  topic: 'users',
  member: 'child',
  sessionTimeoutMs: Number(sessionTimeoutMs),
})
for (;;) {
  const event = await subscription.next({ maxRecords: 10, maxBytes: 1e6, waitMs: 60_000 })
  process.stdout.write(`${JSON.stringify(event)}\n`)
}
