import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { enginesOfThisFile, targetOn } from './fault-engines.ts'
import { killWorkers, progress, stopForTwiceTheSession, sum, watch } from './rounds.ts'
import { openScene } from './scene.ts'
import { group, shared, startWorker, topic, type Worker, type WorkerExit } from './workers.ts'

/** As short as brokers allow unless told otherwise: the partitions of a killed worker rest for this long. */
const sessionMs = 6_000
const limits = { session: `${sessionMs}ms`, transaction: '6s' } as const

/** Moments and choices depend on it; repeat a run with `MILLRACE_SEED=<seed>`. */
const seed = process.env.MILLRACE_SEED ?? String(Date.now() % 1_000_000)

/** Each takes a few seconds: most of them are the session of the one before. */
const kills = 100
/** The default of `millrace run`. */
const drainLimitMs = 10_000

describe(`workers of a stage on Kafka, a registry and Cassandra (seed ${seed})`, () => {
  const engines = enginesOfThisFile()
  const timeout = 300_000

  it('share the partitions; one more takes some over, those of a killed one go to the others', {
    timeout,
  }, async () => {
    const scene = await openScene(targetOn(engines(), limits))
    const load = await scene.startLoad({ seed, rate: 500 })
    const sizes = async (workers: readonly Worker[]) => {
      const shares = await shared(scene.readers, workers)
      return [...shares.values()].map(each => each.length).sort()
    }
    const [one, two, three] = [1, 2, 3].map(() => startWorker(scene.surroundings)) as [Worker, Worker, Worker]
    expect(await sizes([one, two, three])).toEqual([1, 1, 2])
    const four = startWorker(scene.surroundings)
    expect(await sizes([one, two, three, four])).toEqual([1, 1, 1, 1])
    await scene.checkCommits()
    await one.kill()
    expect(await sizes([two, three, four])).toEqual([1, 1, 2])
    await scene.finish(load)
  })

  it('told to end by SIGTERM drain within the limit, and nobody repeats what they did', { timeout }, async () => {
    const scene = await openScene(targetOn(engines(), limits))
    const load = await scene.startLoad({ seed, rate: 500 })
    const exits: WorkerExit[] = []
    let worker = startWorker(scene.surroundings)
    await shared(scene.readers, [worker])
    for (let successors = 0; successors < 3; successors++) {
      const successor = startWorker(scene.surroundings)
      await shared(scene.readers, [worker, successor])
      await progress(scene)
      const since = performance.now()
      exits.push(await worker.stop())
      expect(performance.now() - since).toBeLessThan(drainLimitMs + 5_000)
      // It leaves the group instead of resting there until its session is over.
      await shared(scene.readers, [successor])
      worker = successor
    }
    const { records } = await scene.finish(load)
    exits.push(await worker.stop())
    expect(exits.map(({ code, outcome }) => [code, outcome?.kind])).toEqual(exits.map(() => [0, 'done']))
    const counts = exits.map(({ outcome }) => outcome!.result as { readonly records: number })
    expect(counts.reduce((sum, each) => sum + each.records, 0)).toBe(records)
  })

  it(`killed at ${kills} moments under load lose, repeat and mix up nothing (G1–G5)`, {
    timeout: 1_200_000,
  }, async () => {
    await killWorkers(await openScene(targetOn(engines(), limits)), kills, seed)
  })

  it('stopped for twice the session time-out with a batch in flight change nothing when they go on (G7)', {
    timeout,
  }, async () => {
    await stopForTwiceTheSession(await openScene(targetOn(engines(), limits)), engines().cassandra, sessionMs, seed)
  })

  it('joining and leaving every second for a minute go on working, and lose and repeat nothing', {
    timeout: 600_000,
  }, async () => {
    const scene = await openScene(targetOn(engines(), limits))
    const load = await scene.startLoad({ seed, rate: 400 })
    const random = seededRandom(`storm ${seed}`)
    const steady = startWorker(scene.surroundings)
    const workers: Worker[] = []
    const left: Promise<unknown>[] = []
    await shared(scene.readers, [steady])
    const { ended, checks } = watch(scene)
    const storm = performance.now()
    let moved = { at: storm, to: 0, longestMs: 0 }
    while (performance.now() - storm < 60_000 && !ended.signal.aborted) {
      if (workers.length < 3 && (workers.length === 0 || random.next() < 0.5)) {
        workers.push(startWorker(scene.surroundings))
      } else left.push(workers.splice(Math.floor(random.next() * workers.length), 1)[0]!.stop())
      await sleep(600 + random.next() * 800)
      const [now, to] = [performance.now(), sum(await scene.readers.committed(group, topic))]
      const longestMs = Math.max(moved.longestMs, now - moved.at)
      moved = to > moved.to ? { at: now, to, longestMs } : { ...moved, longestMs }
    }
    ended.abort()
    await checks
    expect(moved.longestMs).toBeLessThan(20_000)
    await Promise.all(left)
    await scene.finish(load)
    await shared(scene.readers, [steady, ...workers])
  })
})
