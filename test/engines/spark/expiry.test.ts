import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { SparkServer } from './spark-server.ts'

vi.setConfig({ testTimeout: 300_000 })

const server = new SparkServer({
  'spark.connect.session.manager.defaultSessionTimeout': '5s',
  'spark.connect.session.manager.maintenanceInterval': '1s',
})

it('a session that nobody uses expires, and one with heartbeats does not', async () => {
  const forgotten = await server.open({ heartbeatMs: 0 })
  const kept = await server.open({ heartbeatMs: 500 })
  // Asking would keep it alive, so its end is read in the log.
  const log = join(server.directory, 'spark/spark/logs/spark.log')
  const expired = () =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter(line => /expired/.test(line))
      .join()
  await expect.poll(expired, { timeout: 60_000 }).toContain(forgotten.id)
  await expect(forgotten.version()).rejects.toMatchObject({ code: 'PROCESSOR_SESSION_LOST', retry: 'now' })
  expect(await kept.version()).toBe('4.2.0')
})
