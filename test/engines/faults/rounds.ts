import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { RunningEngine } from '../../../src/stack/start-engine.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { checkSameRows } from './checks.ts'
import type { Scene } from './scene.ts'
import { group, runMillrace, shared, stage, startWorker, topic, until } from './workers.ts'

/** Kills one of three workers at so many moments under load; nothing is lost, repeated or mixed up (G1–G5). */
export async function killWorkers(scene: Scene, kills: number, seed: string): Promise<void> {
  const load = await scene.startLoad({ seed, rate: 400 })
  const random = seededRandom(`kills ${seed}`)
  const workers = [startWorker(scene.surroundings), startWorker(scene.surroundings), startWorker(scene.surroundings)]
  const { ended, checks } = watch(scene)
  for (let kill = 0; kill < kills && !ended.signal.aborted; kill++) {
    // In turn a moment after a commit, and anywhere: while joining, reading, writing, committing.
    if (kill % 2 === 0) await progress(scene)
    await sleep(random.next() * 1_000)
    const index = Math.floor(random.next() * workers.length)
    await workers[index]!.kill()
    workers[index] = startWorker(scene.surroundings)
  }
  ended.abort()
  expect(await checks).toBeGreaterThan(kills / 10)
  await scene.finish(load)
  await Promise.all(workers.map(worker => worker.stop()))
  const rows = await scene.readers.rows()
  await runMillrace(scene.surroundings, 'run', stage, '--until-caught-up')
  checkSameRows(rows, await scene.readers.rows())
}

/** Stops a worker with a batch in flight for twice its session; nothing changes when it goes on (G7). */
export async function stopForTwiceTheSession(
  scene: Scene,
  cassandra: RunningEngine,
  sessionMs: number,
  seed: string,
): Promise<void> {
  const load = await scene.startLoad({ seed, rate: 1_000, limit: 24_000 })
  await load.reached(8_000)
  const zombie = startWorker(scene.surroundings)
  await shared(scene.readers, [zombie])
  await progress(scene)
  // A database that hangs holds the batch in flight, a full one of the backlog.
  cassandra.signal('SIGSTOP')
  await stalled(scene)
  zombie.signal('SIGSTOP')
  cassandra.signal('SIGCONT')
  const stoppedAt = performance.now()
  const heir = startWorker(scene.surroundings)
  await shared(scene.readers, [heir])
  // The heir does what the zombie has in hand, and then newer records of the same users.
  await load.reached(24_000)
  await scene.finish(load)
  await sleep(Math.max(0, 2 * sessionMs - (performance.now() - stoppedAt)))
  const [rows, letters, committed] = [await scene.readers.rows(), await scene.letters(), await scene.checkCommits()]

  zombie.signal('SIGCONT')
  await shared(scene.readers, [zombie, heir])
  // It ends what it has in hand first.
  expect(await zombie.stop()).toMatchObject({ code: 0 })
  await heir.stop()
  checkSameRows(rows, await scene.readers.rows())
  expect((await scene.letters()).length).toBe(letters.length)
  expect(await scene.checkCommits()).toEqual(committed)
}

/** Checks what has to be true at any moment again and again until ended, by whoever has enough or by the first failure. */
export function watch(scene: Scene): { readonly ended: AbortController; readonly checks: Promise<number> } {
  const ended = new AbortController()
  const repeat = async () => {
    let checks = 0
    for (; !ended.signal.aborted; checks++) await scene.checkCommits()
    return checks
  }
  const checks = repeat().finally(() => ended.abort())
  // It is waited for in the end; until then its failure must not count as unhandled.
  checks.catch(() => {})
  return { ended, checks }
}

/** Resolves when the group has committed more than now. */
export async function progress({ readers }: Scene): Promise<void> {
  const before = sum(await readers.committed(group, topic))
  await until(
    `more than ${before} records are committed`,
    () => readers.committed(group, topic),
    committed => sum(committed) > before,
  )
}

/** Resolves when nothing was committed for a second. */
async function stalled({ readers }: Scene): Promise<void> {
  const second = async () => {
    const before = await readers.committed(group, topic)
    await sleep(1_000)
    return [sum(before), sum(await readers.committed(group, topic))] as const
  }
  await until('no commit in a second', second, ([before, after]) => before === after)
}

export function sum(committed: ReadonlyMap<number, number>): number {
  return [...committed.values()].reduce((total, next) => total + next, 0)
}
