import cassandra from 'cassandra-driver'
import { expect, it } from 'vitest'
import { Connection } from '../../../src/adapters/cassandra/connection.ts'
import { readSettings } from '../../../src/adapters/cassandra/settings.ts'
import { virtualClock } from '../../../src/testing/virtual-clock.ts'

const config = { adapter: 'cassandra', contactPoints: ['127.0.0.1'], localDataCenter: 'datacenter1' } as const

it('closed while it connects, is shut down once it is connected: sooner, the driver would stay connected', async () => {
  const settings = readSettings(config, { env: {}, directory: '.' })
  const connection = new Connection(cassandra, settings, virtualClock())
  const steps: string[] = []
  const connected = Promise.withResolvers<void>()
  Object.assign(connection.client, {
    connect: () => connected.promise.then(() => void steps.push('connected')),
    execute: async () => void steps.push('executed'),
    shutdown: async () => void steps.push('shut down'),
  })
  const executed = connection.execute('SELECT')
  const closed = connection.close()
  await Promise.resolve()
  expect(steps).toEqual([])
  connected.resolve()
  await Promise.all([executed, closed])
  expect(steps.toSorted()).toEqual(['connected', 'executed', 'shut down'])
  expect(steps[0]).toBe('connected')
})
