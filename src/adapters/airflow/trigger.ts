import type { Clock } from '../../ports/clock.ts'
import type { Run, TriggerRequest } from '../../ports/orchestrator.ts'
import { checkConf, checkRunId, dagUnknown, parseDate, refuseReserved, runExists } from '../../ports/run-request.ts'
import type { Json } from '../../sdk/json.ts'
import { readAnswer } from './answers.ts'
import { dagPath } from './api.ts'
import type { Client } from './client.ts'
import { isRefusal } from './refusal.ts'
import { findRun, freshRun, listRuns } from './runs.ts'

/** How many triggers within one millisecond are given a millisecond each. */
const mostAtOnce = 100

/** Queues a manual run; its interval has no length and starts at its logical date. */
export async function trigger(client: Client, clock: Clock, dag: string, request: TriggerRequest): Promise<Run> {
  const { runId, logicalDate, conf = {} } = request
  const asked = logicalDate === undefined ? null : parseDate(logicalDate, 'logicalDate')
  if (runId !== undefined) checkRunId(runId)
  checkConf(conf)
  for (let date = asked ?? clock.now(), tried = 0; ; date += 1, tried += 1) {
    const at = new Date(date).toISOString()
    const id = runId ?? `manual__${at}`
    try {
      return await create(client, dag, id, at, conf)
    } catch (thrown) {
      if (isRefusal(thrown, 404)) throw dagUnknown(dag)
      if (!isRefusal(thrown, 409)) throw thrown
      const same = asked === null && runId === undefined ? null : await findRun(client, dag, id)
      if (same !== null) return same
      if (asked !== null || tried === mostAtOnce) throw runExists(dag, (await runOf(client, dag, at)) ?? id, at)
    }
  }
}

async function create(client: Client, dag: string, runId: string, at: string, conf: Json): Promise<Run> {
  if (/^(scheduled|backfill)__/.test(runId)) {
    const existing = await findRun(client, dag, runId)
    if (existing !== null) return existing
    refuseReserved(runId)
  }
  const dates = { logical_date: at, data_interval_start: at, data_interval_end: at, run_after: at }
  const body = { dag_run_id: runId, ...dates, conf }
  const json = await client.call({ method: 'POST', path: `${dagPath(dag)}/dagRuns`, body, repeatable: true })
  return freshRun(readAnswer('DAGRunResponse', json))
}

/** The id of the run that has this logical date. */
async function runOf(client: Client, dag: string, at: string): Promise<string | null> {
  const to = new Date(Date.parse(at) + 1).toISOString()
  return (await listRuns(client, { dag, from: at, to, limit: 1 })).items[0]?.runId ?? null
}
