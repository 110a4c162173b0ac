import type { Json } from '../sdk/json.ts'
import type { ExpressionNode, RecordNode, SelectNode, SourceNode, TypeNode } from '../sdk/nodes.ts'

/** What a declaration compiles to: plain JSON that says everything a target has to create and run. */
export interface Plan {
  readonly version: 1
  readonly pipeline: string
  readonly topics: readonly TopicPlan[]
  readonly tables: readonly TablePlan[]
  readonly dags: readonly DagPlan[]
  readonly stages: readonly StagePlan[]
  readonly lineage: readonly LineageEdge[]
}

export interface TopicPlan {
  readonly name: string
  /** The field of `value` whose text is the record's key; records of one key stay in order. */
  readonly key: string
  readonly value: RecordNode
  /** `<topic>-value`, the registry's TopicNameStrategy. */
  readonly subject: string
  /** `value` as an Avro schema. */
  readonly avro: Json
  readonly partitions: number
  readonly replication: number
  /** Milliseconds; records older than this may be deleted. */
  readonly retentionMs: number
  /** Largest record, key and value together, in bytes. */
  readonly maxRecordBytes: number
  /** Where records of this topic that cannot be processed go: `<topic>.dlq`. */
  readonly deadLetterTopic: string
}

export interface TablePlan {
  readonly keyspace: string
  readonly name: string
  readonly columns: readonly ColumnPlan[]
  readonly primaryKey: readonly string[]
  /** Rows are only ever added, so a null may be left unwritten. Elsewhere a null replaces what was there (G2). */
  readonly appendOnly: boolean
}

export interface ColumnPlan {
  readonly name: string
  /** Never `optional`: that is `nullable`. */
  readonly type: Exclude<TypeNode, { kind: 'optional' }>
  readonly nullable: boolean
}

export interface DagPlan {
  readonly id: string
  readonly pipeline: string
  /** A five-field cron expression in UTC, or null for a DAG that only runs when triggered. */
  readonly schedule: string | null
  /** As declared, for people: `@daily`. */
  readonly scheduleText: string | null
  /** Whether intervals missed while nothing ran are run afterwards; otherwise only the newest is. */
  readonly catchup: boolean
  /** ISO 8601; no interval before it is run. Null: the first interval is the one complete at the first deploy. */
  readonly startDate: string | null
  readonly task: TaskPlan
}

export interface TaskPlan {
  readonly id: string
  /** `<pipeline>/<stage>`: what `millrace run` is given. */
  readonly stage: string
  /** Attempts in all, the first included. */
  readonly attempts: number
  /** Pause before the second attempt, in milliseconds; doubled for each further one, at most an hour. */
  readonly retryDelayMs: number
  /** An attempt still running after this many milliseconds is ended as `timed_out`. */
  readonly timeoutMs: number
}

export type StagePlan = IngestPlan | StreamPlan

export interface IngestPlan {
  readonly kind: 'ingest'
  readonly name: string
  readonly pipeline: string
  readonly source: SourceNode
  readonly where: ExpressionNode | null
  /** Null: the source's record is the topic's record. */
  readonly select: SelectNode | null
  readonly map: MapPlan | null
  /** A topic's name. */
  readonly into: string
  /** How long one run streams, in milliseconds, over all its attempts; null: until the source ends. */
  readonly durationMs: number | null
}

export interface StreamPlan {
  readonly kind: 'stream'
  readonly name: string
  readonly pipeline: string
  /** The consumer group: `<pipeline>.<stage>`. */
  readonly group: string
  /** A topic's name. */
  readonly from: string
  readonly where: ExpressionNode | null
  readonly select: SelectNode | null
  readonly map: MapPlan | null
  /** `<keyspace>.<table>`. */
  readonly into: string
}

/** A function in the pipeline file: the plan can only say that it is there. */
export interface MapPlan {
  /** `file:line` where the stage that has it is declared, when known. */
  readonly place: string | null
}

/** `to` is computed from `from`; both are `<source|topic|table>.<field path>`. */
export interface LineageEdge {
  readonly from: string
  readonly to: string
  readonly stage: string
}

/** `<keyspace>.<table>`. */
export function tableId(table: Pick<TablePlan, 'keyspace' | 'name'>): string {
  return `${table.keyspace}.${table.name}`
}

/** `<pipeline>/<stage>`: how a stage is named everywhere outside its pipeline file. */
export function stageId(stage: Pick<StagePlan, 'pipeline' | 'name'>): string {
  return `${stage.pipeline}/${stage.name}`
}
