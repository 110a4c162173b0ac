import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Expression, Fields, Operand } from './expressions.ts'
import type { Duration } from './quantities.ts'
import type { Source } from './source.ts'
import type { Table } from './table.ts'
import type { Topic } from './topic.ts'

/** A declared pipeline: what a pipeline file exports by default. Functions in it are only called by the plan and the engine. */
export interface Pipeline {
  readonly name: string
  readonly stages: readonly StageDeclaration[]
}

export type StageDeclaration = IngestDeclaration | StreamDeclaration

interface AnyTransform {
  /** `file:line` where the stage is declared, when known. */
  readonly place: string | null
  readonly where: ((fields: never) => unknown) | null
  readonly select: ((fields: never) => { readonly [field: string]: unknown }) | null
  readonly map: MapFunction | null
}

/** A function given to `map`; it runs in Node only. */
export type MapFunction = (record: never) => unknown

export interface IngestDeclaration extends AnyTransform {
  readonly kind: 'ingest'
  /** Also the DAG's id. */
  readonly name: string
  readonly schedule: string | null
  readonly catchup: boolean
  readonly startDate: string | null
  readonly task: string
  readonly duration: string | null
  readonly attempts: number
  readonly retryDelay: string
  readonly timeout: string | null
  readonly from: Source<unknown>
  readonly into: Topic<unknown>
}

export interface StreamDeclaration extends AnyTransform {
  readonly kind: 'stream'
  readonly name: string
  readonly from: Topic<unknown>
  readonly into: Table<unknown>
}

export interface IngestOptions<In, Row, S> extends Transform<In, Row, S> {
  readonly from: Source<In>
  readonly into: Topic<Row>
  /**
   * When runs start, in UTC: `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`, a five-field cron expression, or
   * null for runs that are only ever triggered.
   */
  readonly schedule: string | null
  /** Whether intervals missed while nothing ran are run afterwards; otherwise only the newest is. Default false. */
  readonly catchup?: boolean
  /** ISO 8601 with an offset; no interval before it is run. Default: the first deploy. */
  readonly startDate?: string
  /** The name of the DAG's task. Default: the stage's name. */
  readonly task?: string
  /** How long one run streams, over all its attempts, such as `60s`. Default: until the source ends. */
  readonly duration?: Duration
  /** Attempts in all, the first included. Default 3. */
  readonly attempts?: number
  /** Pause before the second attempt; doubled for each further one, at most an hour. Default `10s`. */
  readonly retryDelay?: Duration
  /** An attempt that takes longer is ended. Default: `duration` and 5 minutes more; an hour without `duration`. */
  readonly timeout?: Duration
}

export interface StreamOptions<In, Row, S> extends Transform<In, Row, S> {
  readonly from: Topic<In>
  readonly into: Table<Row>
}

/** From the record read to the record or row written. With neither `select` nor `map` it is written as it is. */
export interface Transform<In, Row, S> {
  /** Only records for which this is true go on. */
  readonly where?: (record: Fields<In>) => Expression<boolean | null>
  /** Every field of the target, each as an expression or a constant. */
  readonly select?: (record: Fields<In>) => S & NoOther<S, Row>
  /**
   * For what `select` cannot say: an ordinary function. It must be synchronous and should depend on nothing but the
   * record; it runs in Node only, so a target that processes elsewhere refuses it.
   */
  readonly map?: (record: In) => Row
}

/** An operand for each field of the row. */
export type Select<Row> = { readonly [K in keyof Row]: Operand<Row[K]> }

type NoOther<S, Row> = { readonly [K in Exclude<keyof S & string, keyof Row>]: never }

/** `select` or `map` may only be left out where the record already is what the target takes. */
type Fitting<In, Row, Given> = [In] extends [Row]
  ? unknown
  : Given extends 'select' | 'map'
    ? unknown
    : { select: unknown }

/**
 * Refuses names that are no option, and takes the functions that are given as required ones: only then does TypeScript
 * report what is wrong in a `select` on the line of its field.
 */
type GivenOptions<Given extends string, Known> = {
  readonly [O in Given]?: O extends keyof Known ? unknown : never
} & { readonly [O in Extract<Given, 'where' | 'select' | 'map'>]: NonNullable<unknown> }

/** A pipeline to which stages can be added; each call returns a new one. */
export interface PipelineBuilder extends Pipeline {
  /** A source read into a topic, run by a DAG of this name. */
  ingest<In, Row, const S extends Select<Row>, Given extends string>(
    name: string,
    options: IngestOptions<In, Row, S> & GivenOptions<Given, IngestOptions<In, Row, S>> & Fitting<In, Row, Given>,
  ): PipelineBuilder
  /** A topic read into a table, continuously. */
  stream<In, Row, const S extends Select<Row>, Given extends string>(
    name: string,
    options: StreamOptions<In, Row, S> & GivenOptions<Given, StreamOptions<In, Row, S>> & Fitting<In, Row, Given>,
  ): PipelineBuilder
}

/** Starts a pipeline. What is wrong with it is reported when it is compiled. */
export function pipeline(name: string): PipelineBuilder {
  return build(name, [])
}

function build(name: string, stages: readonly StageDeclaration[]): PipelineBuilder {
  const add = (stage: StageDeclaration) => build(name, [...stages, Object.freeze(stage)])
  const builder: PipelineBuilder = {
    name,
    stages,
    ingest: (stage, options) =>
      add({
        kind: 'ingest',
        name: stage,
        place: callerOf(builder.ingest),
        schedule: options.schedule,
        catchup: options.catchup ?? false,
        startDate: options.startDate ?? null,
        task: options.task ?? stage,
        duration: options.duration ?? null,
        attempts: options.attempts ?? 3,
        retryDelay: options.retryDelay ?? '10s',
        timeout: options.timeout ?? null,
        from: options.from,
        into: options.into,
        ...transform(options),
      }),
    stream: (stage, options) =>
      add({
        kind: 'stream',
        name: stage,
        place: callerOf(builder.stream),
        from: options.from,
        into: options.into,
        ...transform(options),
      }),
  }
  return Object.freeze(builder)
}

function transform<In, Row, S extends Select<Row>>(options: Transform<In, Row, S>): Omit<AnyTransform, 'place'> {
  return { where: options.where ?? null, select: options.select ?? null, map: options.map ?? null }
}

/** `file:line` of the call of `callee` now running, relative to the working directory where that is shorter. */
function callerOf(callee: (...args: never[]) => unknown): string | null {
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder, callee)
  const frame = /((?:file:\/\/)?\/.+?|[A-Za-z]:\\.+?):(\d+):\d+\)?$/m.exec(holder.stack ?? '')
  if (frame === null) return null
  const path = frame[1]!.startsWith('file://') ? fileURLToPath(frame[1]!) : frame[1]!
  const short = relative(process.cwd(), path)
  return `${short.startsWith('..') ? path : short}:${frame[2]}`
}
