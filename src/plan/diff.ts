import { MillraceError } from '../sdk/errors.ts'
import type { Json } from '../sdk/json.ts'
import { formatDuration, formatSize } from '../sdk/quantities.ts'
import { type DagPlan, type Plan, type TablePlan, type TopicPlan, tableId } from './plan.ts'
import { tableChange } from './table-change.ts'
import { deadLetterTopicSettings, type TopicSettings, topicSettings } from './topic-settings.ts'

/** What is there of a plan now. Whatever is not listed does not exist. */
export interface Deployed {
  readonly topics: readonly TopicSettings[]
  readonly subjects: readonly DeployedSubject[]
  readonly tables: readonly TablePlan[]
  /** Those of the plan, and all others of its pipeline. */
  readonly dags: readonly { readonly plan: DagPlan; readonly paused: boolean }[]
}

export interface DeployedSubject {
  readonly subject: string
  /** Whether the planned schema is already one of its versions. */
  readonly registered: boolean
  /** Why the planned schema cannot become its next version. */
  readonly incompatibilities: readonly { readonly path: string; readonly reason: string }[]
}

/** One thing that applying the plan does, or why it does nothing at all. */
export interface Step {
  readonly action: 'create' | 'change' | 'keep' | 'refuse'
  readonly kind: 'topic' | 'dead-letter topic' | 'subject' | 'table' | 'dag' | 'stage'
  readonly name: string
  /** What it will be, or what changes. */
  readonly details: readonly string[]
  /** Of a refusal: `PLAN_INCOMPATIBLE`; of a stage that the target cannot run also `PLAN_UNSUPPORTED`. */
  readonly error?: MillraceError
}

/**
 * The steps from what is deployed to what is planned, in the order in which to take them. Changes only ever add; where
 * that is not enough the step is a refusal, and then none of the steps may be taken. After they were all taken, the
 * same plan gives only `keep` (G8).
 */
export function diff(plan: Plan, deployed: Deployed): readonly Step[] {
  return [
    ...plan.topics.flatMap(topic => [
      topicStep('topic', topicSettings(topic), deployed),
      topicStep('dead-letter topic', deadLetterTopicSettings(topic), deployed),
      subjectStep(topic, deployed),
    ]),
    ...plan.tables.map(table => tableStep(table, deployed)),
    ...plan.dags.map(dag => dagStep(dag, deployed)),
    ...undeclaredDags(plan, deployed),
  ]
}

type Kind = Step['kind']

function topicStep(kind: Kind, planned: TopicSettings, { topics }: Deployed): Step {
  const { name } = planned
  const now = topics.find(topic => topic.name === name)
  const described = describeTopic(planned)
  if (now === undefined) return { action: 'create', kind, name, details: Object.values(described) }
  if (planned.partitions < now.partitions) {
    const reason = `it has ${now.partitions} partitions and is declared with ${planned.partitions}; partitions cannot be taken away`
    return refuse(kind, name, [reason], `Declare partitions: ${now.partitions} or more.`)
  }
  return changeOrKeep(kind, name, changes(describeTopic(now), described))
}

function describeTopic(topic: TopicSettings): { readonly [setting: string]: string } {
  return {
    partitions: topic.partitions === 1 ? '1 partition' : `${topic.partitions} partitions`,
    replication: topic.replication === 1 ? '1 copy' : `${topic.replication} copies`,
    retention: `kept for ${formatDuration(topic.retentionMs)}`,
    maxRecordBytes: `records up to ${formatSize(topic.maxRecordBytes)}`,
  }
}

function subjectStep({ subject, value }: TopicPlan, { subjects }: Deployed): Step {
  const now = subjects.find(each => each.subject === subject)
  const details = [`${value.name}, ${value.fields.length} fields`]
  if (now === undefined) return { action: 'create', kind: 'subject', name: subject, details }
  if (now.registered) return { action: 'keep', kind: 'subject', name: subject, details: [] }
  if (now.incompatibilities.length === 0) {
    return { action: 'change', kind: 'subject', name: subject, details: ['a new version of the schema'] }
  }
  const reasons = now.incompatibilities.map(({ path, reason }) => (path === '' ? reason : `${path}: ${reason}`))
  const fix = 'Add fields only as t.optional(…) and keep the types of the others, or use a new topic.'
  return refuse('subject', subject, reasons, fix)
}

function tableStep(planned: TablePlan, { tables }: Deployed): Step {
  const name = tableId(planned)
  const now = tables.find(table => tableId(table) === name)
  if (now === undefined) {
    const details = [`${planned.columns.length} columns`, `primary key (${planned.primaryKey.join(', ')})`]
    return { action: 'create', kind: 'table', name, details }
  }
  const { added, obstacles } = tableChange(planned, now)
  if (obstacles.length > 0) {
    return refuse('table', name, obstacles, 'Add columns only as t.optional(…), or use a new table.')
  }
  return changeOrKeep(
    'table',
    name,
    added.map(column => `add column ${column.name} ${column.type.kind}`),
  )
}

function dagStep(planned: DagPlan, { dags }: Deployed): Step {
  const now = dags.find(({ plan }) => plan.id === planned.id)?.plan
  const described = describeDag(planned)
  if (now === undefined) return { action: 'create', kind: 'dag', name: planned.id, details: Object.values(described) }
  if (now.pipeline !== planned.pipeline) {
    return refuse('dag', planned.id, [`it belongs to the pipeline ${now.pipeline}`], 'Rename one of the two stages.')
  }
  return changeOrKeep('dag', planned.id, changes(describeDag(now), described))
}

function describeDag({ schedule, scheduleText, catchup, startDate, task }: DagPlan): {
  readonly [name: string]: string
} {
  return {
    schedule: schedule === null ? 'runs when triggered' : `runs ${scheduleText ?? schedule}`,
    catchup: catchup ? 'missed intervals are run' : 'missed intervals are skipped',
    startDate: startDate === null ? 'starts at the first deploy' : `starts ${startDate}`,
    task: `task ${task.id} (${task.stage})`,
    attempts:
      task.attempts === 1 ? '1 attempt' : `${task.attempts} attempts, ${formatDuration(task.retryDelayMs)} apart`,
    timeout: `ended after ${formatDuration(task.timeoutMs)}`,
  }
}

function undeclaredDags(plan: Plan, { dags }: Deployed): readonly Step[] {
  return dags
    .filter(dag => dag.plan.pipeline === plan.pipeline && !plan.dags.some(({ id }) => id === dag.plan.id))
    .map(dag => changeOrKeep('dag', dag.plan.id, dag.paused ? [] : ['no longer declared: paused, its runs are kept']))
}

type Described = { readonly [name: string]: Json }

function changes(now: Described, planned: Described): readonly string[] {
  return Object.keys(planned)
    .filter(name => now[name] !== planned[name])
    .map(name => `${now[name]} → ${planned[name]}`)
}

function changeOrKeep(kind: Kind, name: string, details: readonly string[]): Step {
  return { action: details.length === 0 ? 'keep' : 'change', kind, name, details }
}

function refuse(kind: Kind, name: string, reasons: readonly string[], fix: string): Step {
  const message = `The ${kind} ${name} cannot become what is declared: ${reasons.join('; ')}.`
  const error = new MillraceError('PLAN_INCOMPATIBLE', message, { place: name, fix })
  return { action: 'refuse', kind, name, details: reasons, error }
}
