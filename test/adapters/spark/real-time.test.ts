import { describe, expect, it } from 'vitest'
import type { Session } from '../../../src/adapters/spark/connect/session.ts'
import { requireRealTime } from '../../../src/adapters/spark/real-time.ts'

/** A server of a version, with so many places for tasks, in place of Spark. */
function serverOf(version: string, places: number, settings: { readonly [name: string]: string } = {}): Session {
  return {
    version: async () => version,
    settings: async ([name]: readonly string[]) => ({ [name!]: settings[name!] ?? null }),
    explain: async () =>
      `== Physical Plan ==\n* Range (1)\n\n(1) Range [codegen id : 1]\nArguments: Range (0, 1, step=1, splits=Some(${places}))`,
  } as unknown as Session
}

const require = (session: Session, partitions: number) =>
  requireRealTime(session, { topic: 'orders', partitions }, new AbortController().signal)

describe('real-time mode', () => {
  it('is for servers that have it, with a place for each partition', async () => {
    await require(serverOf('4.2.0', 4), 4)
    await require(serverOf('4.3.0-SNAPSHOT', 8), 4)
    await require(serverOf('5.0.1', 4), 1)
  })

  it('is refused by older servers, for good', async () => {
    const refused = { code: 'CONFIG_INVALID', place: 'spark › trigger', retry: 'never' }
    await expect(require(serverOf('4.1.3', 8), 1)).rejects.toMatchObject(refused)
    await expect(require(serverOf('3.5.7', 8), 1)).rejects.toMatchObject(refused)
  })

  it('waits for places, with how many are needed', async () => {
    await expect(require(serverOf('4.2.0', 2), 3)).rejects.toMatchObject({
      ...{ code: 'CONFIG_INVALID', retry: 'later', fix: expect.stringContaining('3 cores') },
      message: expect.stringMatching(/the 3 partitions of orders .* places for 2 tasks/),
    })
  })

  it('is let where Spark gets itself executors', async () => {
    await require(serverOf('4.2.0', 2, { 'spark.dynamicAllocation.enabled': 'true' }), 30)
  })
})
