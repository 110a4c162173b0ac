import type { Json } from '../../sdk/json.ts'
import { type Answer, readAnswer, readAnswers } from './answers.ts'
import type { Client } from './client.ts'
import { type DagDocument, readDocument } from './dag-document.ts'
import { isRefusal } from './refusal.ts'

export type DagRun = Answer<'DAGRunResponse'>
export type TaskInstance = Answer<'TaskInstanceResponse'>
export type TaskTry = Answer<'TaskInstanceHistoryResponse'>

/** A DAG of ours as Airflow has it. */
export interface AirflowDag extends DagDocument {
  readonly paused: boolean
  /** Airflow no longer finds its file. */
  readonly stale: boolean
  /** ISO 8601. */
  readonly nextRunAt: string | null
}

/** Items of one page: what Airflow gives at most unless it is configured otherwise. */
export const pageItems = 100

/** Of a DAG, as every path below it begins. */
export function dagPath(dag: string): string {
  return `/api/v2/dags/${encodeURIComponent(dag)}`
}

export function runPath(dag: string, runId: string): string {
  return `${dagPath(dag)}/dagRuns/${encodeURIComponent(runId)}`
}

export function taskPath(dag: string, runId: string, task: string): string {
  return `${runPath(dag, runId)}/taskInstances/${encodeURIComponent(task)}`
}

/** Null if Airflow has no such DAG, or it is not ours. */
export async function findDag(client: Client, dag: string): Promise<AirflowDag | 'foreign' | null> {
  const json = await orNull(client.call({ method: 'GET', path: `${dagPath(dag)}/details` }))
  if (json === null) return null
  const { is_paused, is_stale, doc_md, next_dagrun_run_after } = readAnswer('DAGDetailsResponse', json)
  const document = readDocument(doc_md)
  if (document === null || document.plan.id !== dag) return 'foreign'
  return { ...document, paused: is_paused, stale: is_stale, nextRunAt: next_dagrun_run_after }
}

/** The names of our DAGs, sorted. */
export async function listDags(client: Client): Promise<readonly string[]> {
  const names: string[] = []
  for (;;) {
    const query = { tags: 'millrace', order_by: 'dag_id', limit: pageItems, offset: names.length }
    const page = readAnswers('DAGResponse', await client.call({ method: 'GET', path: '/api/v2/dags', query }), 'dags')
    names.push(...page.map(({ dag_id }) => dag_id))
    if (page.length < pageItems) return names
  }
}

/** What the call gives; null if Airflow does not know what it is about. */
export async function orNull(call: Promise<Json>): Promise<Json> {
  try {
    return await call
  } catch (thrown) {
    if (isRefusal(thrown, 404)) return null
    throw thrown
  }
}
