import type { Clock } from '../../ports/clock.ts'
import { inGroups } from '../../ports/in-groups.ts'
import type { Dag, LogLine, OrchestratorAdmin, Run } from '../../ports/orchestrator.ts'
import { dagUnknown, wrongState } from '../../ports/run-request.ts'
import { type AirflowDag, findDag, listDags, runPath } from './api.ts'
import { listAttempts } from './attempts.ts'
import { backfill } from './backfill.ts'
import type { Client } from './client.ts'
import { setPaused } from './deploy.ts'
import { followLog } from './follow-log.ts'
import { cancelNote, listRuns, readRun } from './runs.ts'

/** DAGs whose details are asked for at once. */
const dagsAtOnce = 8

export function createAdmin(client: Client, clock: Clock): OrchestratorAdmin {
  /** A DAG's task never changes its name for as long as we look at it, and each attempt and log is asked for by it. */
  const ours = async (dag: string): Promise<AirflowDag> => {
    const found = await findDag(client, dag)
    if (found === null || found === 'foreign') throw dagUnknown(dag)
    return found
  }
  const taskOf = async (dag: string) => (await ours(dag)).plan.task.id

  return {
    async dags(request = {}) {
      const size = Math.max(1, Math.min(request.limit ?? 100, 1_000))
      const names = (await listDags(client)).filter(name => name > (request.after ?? ''))
      const found = await inGroups(names.slice(0, size), dagsAtOnce, name => findDag(client, name))
      const items = found.flatMap(dag => (dag === null || dag === 'foreign' ? [] : toDag(dag)))
      return { items, next: names.length > size ? names[size - 1]! : null }
    },
    runs: (request = {}) => listRuns(client, request),
    run: (dag, runId) => readRun(client, dag, runId),
    async attempts(dag, runId, options = {}) {
      const [run, task] = await Promise.all([readRun(client, dag, runId), taskOf(dag)])
      return listAttempts(client, run, task, options.limit)
    },
    async *logs(dag, runId, attempt, options = {}): AsyncGenerator<LogLine> {
      yield* followLog(client, clock, { dag, runId, task: await taskOf(dag), attempt }, options)
    },
    async pause(dag, paused) {
      await ours(dag)
      await setPaused(client, dag, paused)
    },
    async cancel(dag, runId) {
      const run = await readRun(client, dag, runId)
      if (isEnded(run)) throw wrongState(run, 'cancelled')
      const body = { state: 'failed', note: cancelNote(run.attempts) }
      await client.call({ method: 'PATCH', path: runPath(dag, runId), body })
      return readRun(client, dag, runId)
    },
    async clear(dag, runId) {
      const run = await readRun(client, dag, runId)
      if (!isEnded(run)) throw wrongState(run, 'cleared')
      const path = `${runPath(dag, runId)}/clear`
      await client.call({ method: 'POST', path, body: { dry_run: false, only_failed: false }, repeatable: true })
      return readRun(client, dag, runId)
    },
    backfill: async (dag, range) => backfill(client, clock, await ours(dag), range),
  }
}

function isEnded({ state }: Run): boolean {
  return state !== 'queued' && state !== 'running'
}

function toDag({ plan, paused, nextRunAt }: AirflowDag): Dag {
  return { plan, paused, nextRunAt: paused || nextRunAt === null ? null : new Date(nextRunAt).toISOString() }
}
