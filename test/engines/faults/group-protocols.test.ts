import { describe, expect, it } from 'vitest'
import { enginesOfThisFile, targetOn } from './fault-engines.ts'
import { killWorkers, progress, stopForTwiceTheSession } from './rounds.ts'
import { openScene } from './scene.ts'
import { shared, startWorker, until } from './workers.ts'

const sessionMs = 6_000
const limits = { session: `${sessionMs}ms`, transaction: '6s' } as const

/** Moments and choices depend on it; repeat a run with `MILLRACE_SEED=<seed>`. */
const seed = process.env.MILLRACE_SEED ?? String(Date.now() % 1_000_000)

/** `workers.test.ts` does the same more often, in groups of the newer protocol. */
const kills = 12

describe(`workers in a group of the classic protocol (seed ${seed})`, () => {
  const engines = enginesOfThisFile()
  const timeout = 300_000
  const open = () => openScene(targetOn(engines(), limits, 'classic'))

  it(`killed at ${kills} moments under load lose, repeat and mix up nothing (G1–G5)`, { timeout }, async () => {
    await killWorkers(await open(), kills, seed)
  })

  it('stopped for twice the session time-out with a batch in flight change nothing when they go on (G7)', {
    timeout,
  }, async () => {
    await stopForTwiceTheSession(await open(), engines().cassandra, sessionMs, seed)
  })

  it('are waited for by workers with the newer protocol, who take over under load, and the other way round (G1–G5, G7)', {
    timeout,
  }, async () => {
    const scene = await open()
    const load = await scene.startLoad({ seed, rate: 400 })
    const start = (groups: 'auto' | 'classic') => {
      const surroundings = { ...scene.surroundings, target: targetOn(engines(), limits, groups) }
      return [startWorker(surroundings), startWorker(surroundings)] as const
    }
    let workers = start('classic')
    await shared(scene.readers, workers)
    for (const groups of ['auto', 'classic'] as const) {
      const successors = start(groups)
      const waiting = () => successors.every(({ states }) => states.at(-1)?.error?.code === 'RUN_STATE')
      await until('the successors wait', async () => successors.map(({ states }) => states.at(-1)), waiting)
      await progress(scene)
      await shared(scene.readers, workers)
      for (const worker of workers) expect(await worker.stop()).toMatchObject({ code: 0 })
      await shared(scene.readers, successors)
      await progress(scene)
      await scene.checkCommits()
      workers = successors
    }
    await scene.finish(load)
    await Promise.all(workers.map(worker => worker.stop()))
  })
})
