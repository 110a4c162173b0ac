import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { checkSameRows } from './checks.ts'
import { enginesOfThisFile, targetOn } from './fault-engines.ts'
import { openScene, type Scene } from './scene.ts'
import {
  group,
  runMillrace,
  shared,
  stage,
  startWorker,
  topic,
  until,
  type Worker,
  type WorkerExit,
} from './workers.ts'

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
    const scene = await openScene(targetOn(engines(), limits))
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
  })

  it('stopped for twice the session time-out with a batch in flight change nothing when they go on (G7)', {
    timeout,
  }, async () => {
    const { cassandra } = engines()
    const scene = await openScene(targetOn(engines(), limits))
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

/** Checks what has to be true at any moment again and again until ended, by whoever has enough or by the first failure. */
function watch(scene: Scene): { readonly ended: AbortController; readonly checks: Promise<number> } {
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
async function progress({ readers }: Scene): Promise<void> {
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

function sum(committed: ReadonlyMap<number, number>): number {
  return [...committed.values()].reduce((total, next) => total + next, 0)
}
