import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { DagPlan } from '../plan/plan.ts'
import {
  type Attempt,
  attemptTransitions,
  type LogLine,
  type Orchestrator,
  type Run,
  runTransitions,
} from '../ports/orchestrator.ts'
import { type ErrorCode, MillraceError } from '../sdk/errors.ts'
import type { ConformanceCase } from './conformance.ts'

/** How an attempt of a scripted task ends; `hold` goes on until its signal aborts. */
export type ScriptedExit = 'done' | 'retry' | 'never' | 'hold'

export interface DagScript {
  /** How the first, second, … attempt of each run ends; the last counts for all further ones. Default `['done']`. */
  readonly exits?: readonly ScriptedExit[]
  /** Five cron fields. Default null: only triggered runs. */
  readonly schedule?: string
  /** Attempts in all. Default 3, with the shortest pause the system can make. */
  readonly attempts?: number
  /** After how long an attempt is ended, in milliseconds. Default: longer than any test takes. */
  readonly timeoutMs?: number
}

/**
 * An orchestrator that serves. Each attempt of a scripted task logs the line `attempt <n>` as soon as it runs and,
 * when done, gives back the result `{ "attempt": <n> }`.
 */
export interface OrchestratorFixture {
  readonly orchestrator: Orchestrator
  /** Deploys a DAG as the only one of a new pipeline, ready to run. */
  dag(script?: DagScript): Promise<DagPlan>
  /** How long a run may take to get anywhere, in milliseconds. */
  readonly patienceMs: number
  close(): Promise<void>
}

/** What every orchestrator must do, and no more than Airflow 3 can. */
export function orchestratorConformance(open: () => Promise<OrchestratorFixture>): readonly ConformanceCase[] {
  const rule = (text: string, check: (fixture: OrchestratorFixture) => Promise<void>): ConformanceCase => ({
    rule: text,
    async check() {
      const fixture = await open()
      try {
        await check(fixture)
      } finally {
        await fixture.close()
      }
    },
  })

  return [
    rule('runs a triggered task with its result and dates', async fixture => {
      const { admin } = fixture.orchestrator
      const dag = await fixture.dag()
      const logicalDate = '2020-02-03T04:05:06.000Z'
      const { runId } = await fixture.orchestrator.trigger(dag.id, { logicalDate, conf: { colour: 'blue' } })
      const run = await ended(fixture, dag, runId)
      assert.equal(run.state, 'success')
      assert.equal(run.kind, 'manual')
      assert.equal(run.attempts, 1)
      assert.deepEqual(run.conf, { colour: 'blue' })
      assert.equal(Date.parse(run.logicalDate), Date.parse(logicalDate))
      const [attempt] = await admin.attempts(dag.id, runId)
      assert.equal(attempt?.state, 'success')
      assert.deepEqual(attempt?.result, { attempt: 1 })
    }),

    rule('gives the same run for the same run id', async fixture => {
      const dag = await fixture.dag()
      const first = await fixture.orchestrator.trigger(dag.id, { runId: 'manual__again' })
      await ended(fixture, dag, first.runId)
      const second = await fixture.orchestrator.trigger(dag.id, { runId: 'manual__again' })
      assert.equal(second.logicalDate, first.logicalDate)
      assert.equal(second.state, 'success')
      assert.equal((await fixture.orchestrator.admin.runs({ dag: dag.id })).items.length, 1)
    }),

    rule('refuses a second run of a logical date', async fixture => {
      const dag = await fixture.dag()
      const logicalDate = '2020-01-01T00:00:00.000Z'
      await fixture.orchestrator.trigger(dag.id, { runId: 'one', logicalDate })
      await refuses('RUN_EXISTS', fixture.orchestrator.trigger(dag.id, { runId: 'two', logicalDate }))
    }),

    rule('says which DAG or run it does not know', async fixture => {
      const { orchestrator } = fixture
      const dag = await fixture.dag()
      await refuses('DAG_UNKNOWN', orchestrator.trigger('no_such_dag'))
      await refuses('RUN_UNKNOWN', orchestrator.admin.run(dag.id, 'no_such_run'))
      await refuses('RUN_UNKNOWN', orchestrator.admin.cancel(dag.id, 'no_such_run'))
    }),

    rule('tries again what may succeed on retry', async fixture => {
      const dag = await fixture.dag({ exits: ['retry', 'done'] })
      const { runId } = await fixture.orchestrator.trigger(dag.id)
      assert.equal((await ended(fixture, dag, runId)).state, 'success')
      assert.deepEqual(await attemptStates(fixture, dag, runId), ['up_for_retry', 'success'])
      const newest = await fixture.orchestrator.admin.attempts(dag.id, runId, { limit: 1 })
      assert.deepEqual(
        newest.map(({ attempt }) => attempt),
        [2],
      )
    }),

    rule('fails a run whose attempts are used up', async fixture => {
      const dag = await fixture.dag({ exits: ['retry'], attempts: 2 })
      const { runId } = await fixture.orchestrator.trigger(dag.id)
      assert.equal((await ended(fixture, dag, runId)).state, 'failed')
      assert.deepEqual(await attemptStates(fixture, dag, runId), ['up_for_retry', 'failed'])
    }),

    rule('fails a run at once when its task says never', async fixture => {
      const dag = await fixture.dag({ exits: ['never', 'done'] })
      const { runId } = await fixture.orchestrator.trigger(dag.id)
      assert.equal((await ended(fixture, dag, runId)).state, 'failed')
      assert.deepEqual(await attemptStates(fixture, dag, runId), ['failed'])
    }),

    rule('ends an attempt that takes too long', async fixture => {
      const dag = await fixture.dag({ exits: ['hold'], attempts: 1, timeoutMs: 1_000 })
      const { runId } = await fixture.orchestrator.trigger(dag.id)
      assert.equal((await ended(fixture, dag, runId)).state, 'failed')
      const [attempt] = await fixture.orchestrator.admin.attempts(dag.id, runId)
      assert.equal(attempt?.state, 'timed_out')
      assert.equal(attempt?.error?.code, 'TASK_TIMED_OUT')
    }),

    rule('keeps the log of each attempt', async fixture => {
      const dag = await fixture.dag({ exits: ['retry', 'done'] })
      const { runId } = await fixture.orchestrator.trigger(dag.id)
      await ended(fixture, dag, runId)
      for (const number of [1, 2]) {
        const lines = await collect(fixture.orchestrator.admin.logs(dag.id, runId, number))
        assert.ok(lines.some(({ text }) => text.includes(`attempt ${number}`)))
      }
    }),

    rule('shows the log of a running attempt as it grows, and ends it with the attempt', async fixture => {
      const { admin } = fixture.orchestrator
      const dag = await fixture.dag({ exits: ['hold'] })
      const { runId } = await fixture.orchestrator.trigger(dag.id)
      await reaches(fixture, dag, runId, run => run.attempts === 1)
      let cancelled = false
      for await (const { text } of admin.logs(dag.id, runId, 1, { follow: true })) {
        if (cancelled || !text.includes('attempt 1')) continue
        await admin.cancel(dag.id, runId)
        cancelled = true
      }
      assert.ok(cancelled)
      await ended(fixture, dag, runId)
    }),

    rule('cancels a running run, and no ended one', async fixture => {
      const { admin } = fixture.orchestrator
      const dag = await fixture.dag({ exits: ['hold'] })
      const { runId } = await fixture.orchestrator.trigger(dag.id)
      await reaches(fixture, dag, runId, run => run.attempts === 1)
      await admin.cancel(dag.id, runId)
      assert.equal((await ended(fixture, dag, runId)).state, 'cancelled')
      await refuses('RUN_STATE', admin.cancel(dag.id, runId))
    }),

    rule('cancels a queued run at once', async fixture => {
      const { admin } = fixture.orchestrator
      const dag = await fixture.dag()
      await admin.pause(dag.id, true)
      const { runId } = await fixture.orchestrator.trigger(dag.id)
      assert.equal((await admin.cancel(dag.id, runId)).state, 'cancelled')
      await admin.pause(dag.id, false)
    }),

    rule('runs a cleared run again under its logical date, and clears no unfinished one', async fixture => {
      const { admin } = fixture.orchestrator
      const dag = await fixture.dag({ exits: ['never', 'done'] })
      await admin.pause(dag.id, true)
      const { runId, logicalDate } = await fixture.orchestrator.trigger(dag.id)
      await refuses('RUN_STATE', admin.clear(dag.id, runId))
      await admin.pause(dag.id, false)
      assert.equal((await ended(fixture, dag, runId)).state, 'failed')
      await admin.clear(dag.id, runId)
      const run = await reaches(fixture, dag, runId, ({ state }) => state === 'success')
      assert.equal(run.logicalDate, logicalDate)
      assert.deepEqual(await attemptStates(fixture, dag, runId), ['failed', 'success'])
    }),

    rule('keeps the runs of a paused DAG queued until it goes on', async fixture => {
      const { admin } = fixture.orchestrator
      const [paused, other] = [await fixture.dag(), await fixture.dag()]
      await admin.pause(paused.id, true)
      const waiting = await fixture.orchestrator.trigger(paused.id)
      const running = await fixture.orchestrator.trigger(other.id)
      await ended(fixture, other, running.runId)
      assert.equal((await admin.run(paused.id, waiting.runId)).state, 'queued')
      await admin.pause(paused.id, false)
      assert.equal((await ended(fixture, paused, waiting.runId)).state, 'success')
    }),

    rule('backfills each missing interval once, and nothing on a dry run', async fixture => {
      const { admin } = fixture.orchestrator
      const dag = await fixture.dag({ schedule: '0 0 * * *' })
      const range = { from: '2020-01-01T00:00:00Z', to: '2020-01-03T00:00:00Z' }
      const count = async () => (await admin.runs({ dag: dag.id, ...range })).items.length
      assert.deepEqual(
        (await admin.backfill(dag.id, { ...range, dryRun: true })).map(({ start }) => start.slice(0, 10)),
        ['2020-01-01', '2020-01-02'],
      )
      assert.equal(await count(), 0)
      assert.equal((await admin.backfill(dag.id, range)).length, 2)
      assert.equal(await count(), 2)
      assert.deepEqual(await admin.backfill(dag.id, range), [])
      const { items } = await admin.runs({ dag: dag.id, ...range })
      for (const { runId, kind } of items) {
        assert.equal(kind, 'backfill')
        assert.equal((await ended(fixture, dag, runId)).state, 'success')
      }
    }),

    rule('runs the newest complete interval of a new schedule at once', async fixture => {
      const dag = await fixture.dag({ schedule: '0 0 * * *' })
      const run = await eventually(fixture, async () => {
        const { items } = await fixture.orchestrator.admin.runs({ dag: dag.id })
        return items.find(({ kind, state }) => kind === 'scheduled' && state === 'success')
      })
      assert.equal(Date.parse(run.interval.end) - Date.parse(run.interval.start), 86_400_000)
      assert.ok(Date.now() - Date.parse(run.interval.end) <= 86_400_000)
      assert.equal(run.logicalDate, run.interval.start)
    }),

    rule('pages through runs, newest first, each exactly once', async fixture => {
      const { admin } = fixture.orchestrator
      const dag = await fixture.dag()
      await admin.pause(dag.id, true)
      const triggered: string[] = []
      for (let index = 0; index < 5; index += 1) {
        triggered.push((await fixture.orchestrator.trigger(dag.id, { runId: `page-${index}` })).runId)
      }
      const listed: string[] = []
      let after: string | null | undefined
      while (after !== null) {
        const page = await admin.runs({ dag: dag.id, limit: 2, ...(after === undefined ? {} : { after }) })
        assert.ok(page.items.length <= 2)
        listed.push(...page.items.map(({ runId }) => runId))
        after = page.next
      }
      assert.deepEqual(listed, triggered.reverse())
    }),

    rule('deploys the same plan twice without a change, and pauses what the plan no longer has (G8)', async fixture => {
      const { orchestrator } = fixture
      const dag = await fixture.dag()
      const change = async (dags: readonly DagPlan[]) =>
        (await orchestrator.deploy(dag.pipeline, dags)).map(each => [each.dag, each.change])
      assert.deepEqual(await change([dag]), [[dag.id, 'unchanged']])
      assert.deepEqual(await change([]), [[dag.id, 'paused']])
      assert.deepEqual(await change([]), [])
      assert.deepEqual(await change([dag]), [[dag.id, 'updated']])
      const { runId } = await orchestrator.trigger(dag.id)
      assert.equal((await ended(fixture, dag, runId)).state, 'success')
    }),

    rule('moves runs and attempts only along their transitions', async fixture => {
      const dag = await fixture.dag({ exits: ['retry', 'done'] })
      const { runId } = await fixture.orchestrator.trigger(dag.id)
      const seen: Run['state'][] = []
      await reaches(fixture, dag, runId, ({ state }) => {
        if (seen.at(-1) !== state) seen.push(state)
        return state === 'success'
      })
      for (let index = 1; index < seen.length; index += 1) {
        assert.ok(follows(runTransitions, seen[index - 1]!, seen[index]!), seen.join(' → '))
      }
      const last = await fixture.orchestrator.admin.attempts(dag.id, runId)
      for (const { state } of last) assert.deepEqual(attemptTransitions[state], [])
    }),
  ]
}

/** Whether `to` can be reached from `from`; a reader may miss the states between. */
function follows(table: { readonly [from: string]: readonly string[] }, from: string, to: string): boolean {
  const reached = new Set<string>([from])
  for (const state of reached) for (const next of table[state] ?? []) reached.add(next)
  return reached.has(to)
}

async function refuses(code: ErrorCode, work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, error => error instanceof MillraceError && error.code === code)
}

async function attemptStates(
  { orchestrator }: OrchestratorFixture,
  dag: DagPlan,
  runId: string,
): Promise<readonly Attempt['state'][]> {
  const attempts = await orchestrator.admin.attempts(dag.id, runId)
  return attempts.map(({ state }) => state).reverse()
}

function ended(fixture: OrchestratorFixture, dag: DagPlan, runId: string): Promise<Run> {
  return reaches(fixture, dag, runId, ({ state }) => state !== 'queued' && state !== 'running')
}

function reaches(
  fixture: OrchestratorFixture,
  dag: DagPlan,
  runId: string,
  holds: (run: Run) => boolean,
): Promise<Run> {
  return eventually(fixture, async () => {
    const run = await fixture.orchestrator.admin.run(dag.id, runId)
    return holds(run) ? run : undefined
  })
}

/** The port has no signal for a change of state, so it is asked until it says so. */
async function eventually<T>(fixture: OrchestratorFixture, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + fixture.patienceMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    assert.ok(performance.now() < deadline, `not within ${fixture.patienceMs} ms`)
    await delay(20)
  }
}

async function collect(lines: AsyncIterable<LogLine>): Promise<LogLine[]> {
  const all: LogLine[] = []
  for await (const line of lines) all.push(line)
  return all
}
