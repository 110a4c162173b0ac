import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newestComplete, openSchedule } from '../../plan/intervals.ts'
import type { DagPlan } from '../../plan/plan.ts'
import type { Clock } from '../../ports/clock.ts'
import type { DagChange } from '../../ports/orchestrator.ts'
import { ownedByOther, parseDate } from '../../ports/run-request.ts'
import { MillraceError } from '../../sdk/errors.ts'
import { readAnswers } from './answers.ts'
import { type AirflowDag, dagPath, findDag, listDags } from './api.ts'
import type { Client } from './client.ts'
import type { DeployedDag } from './dag-document.ts'
import { type DagFile, dagFile, firstLine } from './dag-file.ts'
import type { Settings } from './settings.ts'

/** How often to ask whether Airflow has read a file, in milliseconds. */
const pollMs = 250

/** A DAG that is not as it should be, and the file that makes it so. */
interface Change {
  readonly change: DagChange['change']
  readonly dag: DeployedDag
  readonly file: DagFile
  readonly now: AirflowDag | null
}

/**
 * Writes the DAG files and waits until Airflow has read them.
 * @throws MillraceError `SCHEDULE_INVALID`; `NAME_DUPLICATE` for a DAG or file of others; `ORCHESTRATOR_REFUSED` if Airflow cannot
 *   read a file; `ORCHESTRATOR_FAILED` if it does not within the time allowed.
 */
export async function deploy(
  client: Client,
  clock: Clock,
  settings: Settings,
  pipeline: string,
  dags: readonly DagPlan[],
): Promise<readonly DagChange[]> {
  const declared: Change[] = []
  for (const plan of dags) declared.push(await declaredChange(client, clock, settings, plan))
  const kept = new Set(dags.map(({ id }) => id))
  const others = await removals(client, settings, pipeline, kept)
  const changes = [...declared.filter(({ change }) => change !== 'unchanged'), ...others]
  for (const { file } of changes) refuseForeign(settings.dags, file)
  const writtenAt = clock.now()
  for (const { change, file, dag } of changes) {
    if (change === 'paused') await setPaused(client, dag.plan.id, true)
    writeFile(settings.dags, file)
  }
  for (const change of changes) await untilRead(client, clock, settings, change, writtenAt)
  for (const { dag, now } of declared) if (now?.removed) await setPaused(client, dag.plan.id, false)
  return [...declared, ...others].map(({ dag, change }) => ({ dag: dag.plan.id, change }))
}

async function declaredChange(client: Client, clock: Clock, settings: Settings, plan: DagPlan): Promise<Change> {
  if (plan.startDate !== null) parseDate(plan.startDate, 'startDate')
  const found = await findDag(client, plan.id)
  if (found === 'foreign') throw ownedByOther(plan.id, 'somebody else in Airflow')
  if (found !== null && found.plan.pipeline !== plan.pipeline) {
    throw ownedByOther(plan.id, `pipeline "${found.plan.pipeline}"`)
  }
  const dag = { plan, removed: false, begins: found?.begins ?? begin(plan, clock.now()) }
  const file = dagFile(dag, settings.program)
  const change = found === null ? 'created' : isRead(found, file) ? 'unchanged' : 'updated'
  return { change, dag, file, now: found }
}

/** Whether Airflow has this very version, and still finds it. */
function isRead({ digest, stale }: AirflowDag, file: DagFile): boolean {
  return digest === file.digest && !stale
}

/** A DAG that catches up needs a date to begin at; as built in, that is the interval complete at the first deploy. */
function begin({ schedule, catchup, startDate }: DagPlan, now: number): string | null {
  const parsed = schedule === null ? null : openSchedule(schedule)
  if (parsed === null || !catchup || startDate !== null) return null
  return new Date(newestComplete(parsed, now)?.start ?? now).toISOString()
}

async function removals(
  client: Client,
  { program }: Settings,
  pipeline: string,
  kept: ReadonlySet<string>,
): Promise<readonly Change[]> {
  const changes: Change[] = []
  for (const id of await listDags(client)) {
    const now = kept.has(id) ? null : await findDag(client, id)
    if (now === null || now === 'foreign' || now.plan.pipeline !== pipeline || now.removed) continue
    const dag = { plan: now.plan, begins: now.begins, removed: true }
    changes.push({ change: 'paused', dag, file: dagFile(dag, program), now })
  }
  return changes
}

function refuseForeign(directory: string, { name }: DagFile): void {
  const path = join(directory, name)
  if (!existsSync(path) || readFileSync(path, 'utf8').startsWith(firstLine)) return
  throw new MillraceError('NAME_DUPLICATE', 'There is a file of this name that `apply` has not written.', {
    place: path,
    fix: 'Move it away, or rename the stage.',
  })
}

/** In one step, so that Airflow never reads half of it. */
function writeFile(directory: string, { name, text }: DagFile): void {
  const path = join(directory, name)
  try {
    mkdirSync(directory, { recursive: true })
    writeFileSync(`${path}.new`, text)
    renameSync(`${path}.new`, path)
  } catch (cause) {
    throw new MillraceError('STORAGE_FAILED', `The DAG file cannot be written: ${(cause as Error).message}.`, {
      place: path,
      fix: "Check `dags` of the target's orchestrator, and who may write there.",
      retry: 'never',
      cause,
    })
  }
}

async function untilRead(
  client: Client,
  clock: Clock,
  { dags, parseMs }: Settings,
  { dag, file }: Change,
  writtenAt: number,
): Promise<void> {
  const deadline = clock.elapsed() + parseMs
  const { id, task } = dag.plan
  for (;;) {
    const found = await findDag(client, id)
    if (found !== null && found !== 'foreign' && isRead(found, file)) return
    const reason = await importError(client, file, writtenAt)
    if (reason !== null) {
      throw new MillraceError('ORCHESTRATOR_REFUSED', `Airflow cannot read the DAG of ${task.stage}:\n${reason}`, {
        place: join(dags, file.name),
        fix: 'Check that this Airflow is 3.3 or newer; if it is, please report the file and this message.',
      })
    }
    if (clock.elapsed() > deadline) {
      const message = `Airflow has not read the DAG of ${task.stage} within ${parseMs / 1_000} s.`
      throw new MillraceError('ORCHESTRATOR_FAILED', message, {
        place: join(dags, file.name),
        fix: 'Check that this folder is the one Airflow reads and that its DAG processor runs, or raise limits.parse.',
      })
    }
    await clock.sleep(pollMs)
  }
}

/** Why Airflow could not read the file, if it has tried since it was written. */
async function importError(client: Client, { name }: DagFile, writtenAt: number): Promise<string | null> {
  const query = { filename_pattern: `%${name}`, order_by: '-timestamp', limit: 10 }
  const json = await client.call({ method: 'GET', path: '/api/v2/importErrors', query })
  const errors = readAnswers('ImportErrorResponse', json, 'import_errors')
  const error = errors.find(each => each.filename.endsWith(name) && Date.parse(each.timestamp) >= writtenAt)
  return error?.stack_trace.trim() ?? null
}

export async function setPaused(client: Client, dag: string, paused: boolean): Promise<void> {
  await client.call({ method: 'PATCH', path: dagPath(dag), body: { is_paused: paused } })
}
