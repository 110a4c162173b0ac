import type { Run, RunState, RunsRequest } from '../../ports/orchestrator.ts'
import type { Page } from '../../ports/paging.ts'
import { dagUnknown, parseDate, runUnknown } from '../../ports/run-request.ts'
import { readAnswer, readAnswers } from './answers.ts'
import { type DagRun, dagPath, listDags, orNull, pageItems, runPath, type TaskInstance } from './api.ts'
import type { Client } from './client.ts'

/**
 * Airflow knows no cancelled runs, only failed ones. A note tells ours apart, with the number of attempts that the run then had:
 * so that a run which was cleared and failed anew is not taken for cancelled.
 */
export function cancelNote(attempts: number): string {
  return `Cancelled with Millrace after ${attempts === 1 ? '1 attempt' : `${attempts} attempts`}.`
}

/** @throws MillraceError `RUN_UNKNOWN`. */
export async function readRun(client: Client, dag: string, runId: string): Promise<Run> {
  const run = await findRun(client, dag, runId)
  if (run === null) throw runUnknown(dag, runId)
  return run
}

export async function findRun(client: Client, dag: string, runId: string): Promise<Run | null> {
  const json = await orNull(client.call({ method: 'GET', path: runPath(dag, runId) }))
  return json === null ? null : withAttempts(client, readAnswer('DAGRunResponse', json))
}

/** A run that is known to have begun no attempt. */
export function freshRun(run: DagRun): Run {
  return toRun(run, undefined)
}

export async function withAttempts(client: Client, run: DagRun): Promise<Run> {
  const json = await client.call({ method: 'GET', path: `${runPath(run.dag_id, run.dag_run_id)}/taskInstances` })
  return toRun(run, readAnswers('TaskInstanceResponse', json, 'task_instances')[0])
}

/** @throws MillraceError `DAG_UNKNOWN`. */
export async function listRuns(client: Client, request: RunsRequest): Promise<Page<Run>> {
  const ours = request.dag === undefined ? new Set(await listDags(client)) : null
  let page = await readPage(client, request, ours)
  // Of a page nothing may be ours, or in the state that Airflow does not know.
  while (page.items.length === 0 && page.next !== null) {
    page = await readPage(client, { ...request, after: page.next }, ours)
  }
  return page
}

async function readPage(client: Client, request: RunsRequest, ours: ReadonlySet<string> | null): Promise<Page<Run>> {
  const { dag, state, after = '' } = request
  const query = {
    cursor: after,
    limit: Math.max(1, Math.min(request.limit ?? 100, pageItems)),
    order_by: '-id',
    state: state === 'cancelled' ? 'failed' : state,
    logical_date_gte: isoDate(request.from, 'from'),
    logical_date_lt: isoDate(request.to, 'to'),
  }
  const json = await orNull(client.call({ method: 'GET', path: `${dagPath(dag ?? '~')}/dagRuns`, query }))
  if (json === null) throw dagUnknown(dag ?? '~')
  const page = readAnswers('DAGRunResponse', json, 'dag_runs').filter(run => ours?.has(run.dag_id) ?? true)
  const tasks = await tasksOf(client, page)
  const runs = page.map(run => toRun(run, tasks.get(`${run.dag_id}/${run.dag_run_id}`)))
  const { next_cursor: next = null } = json as { next_cursor?: string | null }
  return { items: runs.filter(run => state === undefined || run.state === state), next }
}

function isoDate(text: string | undefined, name: string): string | undefined {
  return text === undefined ? undefined : new Date(parseDate(text, name)).toISOString()
}

/** By DAG and run; a run that was never begun has none. */
async function tasksOf(client: Client, runs: readonly DagRun[]): Promise<ReadonlyMap<string, TaskInstance>> {
  if (runs.length === 0) return new Map()
  const unique = (names: readonly string[]) => [...new Set(names)]
  const tasks: TaskInstance[] = []
  for (let full = true; full; ) {
    const body = {
      dag_ids: unique(runs.map(({ dag_id }) => dag_id)),
      dag_run_ids: unique(runs.map(({ dag_run_id }) => dag_run_id)),
      page_limit: pageItems,
      page_offset: tasks.length,
    }
    const path = `${dagPath('~')}/dagRuns/~/taskInstances/list`
    const json = await client.call({ method: 'POST', path, body, repeatable: true })
    const page = readAnswers('TaskInstanceResponse', json, 'task_instances')
    tasks.push(...page)
    full = page.length === pageItems
  }
  return new Map(tasks.map(task => [`${task.dag_id}/${task.dag_run_id}`, task]))
}

function toRun(run: DagRun, task: TaskInstance | undefined): Run {
  const attempts = attemptsBegun(task)
  const start = run.data_interval_start ?? run.run_after
  return {
    dag: run.dag_id,
    runId: run.dag_run_id,
    kind: run.run_type === 'scheduled' || run.run_type === 'backfill' ? run.run_type : 'manual',
    state: stateOf(run, attempts),
    logicalDate: iso(run.logical_date ?? run.run_after),
    interval: { start: iso(start), end: iso(run.data_interval_end ?? start) },
    conf: run.conf ?? {},
    note: run.note,
    attempts,
    queuedAt: iso(run.queued_at ?? run.run_after),
    startedAt: run.start_date === null ? null : iso(run.start_date),
    endedAt: run.end_date === null ? null : iso(run.end_date),
  }
}

/** Airflow counts an attempt as soon as it means to begin it. */
function attemptsBegun(task: TaskInstance | undefined): number {
  if (task === undefined) return 0
  const due = task.state === 'scheduled' || task.state === 'queued'
  return due ? task.try_number - 1 : task.try_number
}

function stateOf({ state, note }: DagRun, attempts: number): RunState {
  if (state === 'queued' || state === 'running' || state === 'success') return state
  return note === cancelNote(attempts) ? 'cancelled' : 'failed'
}

/** Airflow's microseconds are cut off, as where a task is told its dates. */
export function iso(time: string): string {
  return new Date(time).toISOString()
}
