import { setImmediate } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { loadClient } from '../../../src/adapters/kafka/client.ts'
import type { Cluster } from '../../../src/adapters/kafka/cluster.ts'
import { Fetcher } from '../../../src/adapters/kafka/fetcher.ts'
import { systemClock } from '../../../src/adapters/system/clock.ts'

it('asks for nothing, and goes on, where all was stopped while a leader was looked up', async () => {
  const lookUps: PromiseWithResolvers<{ host: string; port: number }>[] = []
  let requests = 0
  const cluster = {
    client: await loadClient(),
    clock: systemClock,
    settings: { retryMs: 0 },
    connect: () => ({
      to: () => {
        requests += 1
        return Promise.withResolvers().promise
      },
      close: async () => {},
    }),
    leader: () => {
      lookUps.push(Promise.withResolvers())
      return lookUps.at(-1)!.promise
    },
    forget: () => {},
    briefly: async () => {},
  } as unknown as Cluster
  const fetcher = new Fetcher(cluster, 'users', 1024 * 1024, () => {})
  onTestFinished(() => fetcher.close())
  fetcher.start(0, 0)
  await expect.poll(() => lookUps.length).toBe(1)
  fetcher.stop(0)
  lookUps[0]!.resolve({ host: 'broker', port: 9092 })
  await setImmediate()
  expect(requests).toBe(0)
  fetcher.start(0, 0)
  await expect.poll(() => lookUps.length).toBe(2)
  lookUps[1]!.resolve({ host: 'broker', port: 9092 })
  await expect.poll(() => requests).toBe(1)
  expect(fetcher.takeFailure()).toBeNull()
})
