import type { IngestPlan, TopicPlan } from '../plan/plan.ts'
import { stageId } from '../plan/plan.ts'
import type { Clock, Random } from '../ports/clock.ts'
import type { Commit, Log, NewRecord } from '../ports/log.ts'
import type { Logger } from '../ports/logger.ts'
import type { DataInterval } from '../ports/orchestrator.ts'
import type { StageProgress } from '../ports/processor.ts'
import type { SchemaRegistry } from '../ports/schema-registry.ts'
import type { Source, SourcePage, SourceRecord } from '../ports/source.ts'
import { asMillraceError, MillraceError } from '../sdk/errors.ts'
import { compileParser } from '../sdk/parse.ts'
import { formatDuration } from '../sdk/quantities.ts'
import { persist } from './backoff.ts'
import { createEncoder, type Encoder } from './codec.ts'
import { type DeadLetterOrigin, type FailedRecord, toDeadLetterRecord } from './dead-letters.ts'
import { invalidRecord } from './invalid-record.ts'
import { appendBackoff } from './limits.ts'
import { StepTimer } from './progress.ts'
import { readAhead } from './read-ahead.ts'
import { compileTransform, type MapFunction } from './transform.ts'

export interface IngestDeclaration {
  readonly stage: IngestPlan
  readonly topic: TopicPlan
  /** The function of the stage's `map`, if it has one. */
  readonly map: MapFunction | null
}

export interface IngestRun {
  readonly runId: string
  /** From 1. */
  readonly attempt: number
  /**
   * Whether to go on from what an earlier attempt of the run reached; `unless-finished`: not if that is all of it, as when a
   * run that had succeeded is run again.
   */
  readonly continues: boolean | 'unless-finished'
  /** ISO 8601. */
  readonly logicalDate: string
  readonly interval: DataInterval
}

export interface IngestOptions {
  readonly declaration: IngestDeclaration
  readonly run: IngestRun
  readonly source: Source
  readonly log: Log
  readonly registry: SchemaRegistry
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly signal: AbortSignal
  /** Called for every page, with what the run has done so far. */
  readonly onProgress: (progress: StageProgress, soFar: IngestResult) => void
}

/** What a run has done so far, over all its attempts. */
export interface IngestResult {
  readonly pages: number
  readonly appended: number
  readonly deadLetters: number
  readonly filtered: number
  /** Milliseconds of streaming. */
  readonly elapsedMs: number
  /** Whether the source said all it has to say, or the duration is over. */
  readonly finished: boolean
}

/**
 * One attempt of an ingest run: read a page, check and select each record, encode, append; while a page is appended the
 * next is made ready, and the one after that is read. A page's records, its dead letters and the cursor after it become
 * durable in one append, so a later attempt goes on exactly after the last page that is in the log (G1), and a run that is
 * repeated reads the same records and changes no row (G4).
 *
 * @throws MillraceError what the source or the log failed with; `retry` says whether another attempt can help.
 */
export async function runIngest(options: IngestOptions): Promise<IngestResult> {
  const { declaration, run, log, clock, random, logger, signal } = options
  const { stage, topic } = declaration
  const group = cursorGroup(stage, run.logicalDate)
  const producer = await log.producer(group)
  // A log that takes nothing for a while, such as on a full disk, is waited for; the attempt's time-out is the limit.
  const append = (records: readonly NewRecord[], progress: Progress) =>
    persist(() => producer.append(records, [toCommit(group, topic.name, progress)]), {
      ...{ backoff: appendBackoff, clock, random, signal },
      onFailure: error => logger.log('warn', `Waiting: ${error.message}`, { code: error.code }),
    })
  try {
    const reached = run.continues === false ? freshProgress : await readProgress(log, group, topic.name)
    const progress = reached.finished && run.continues === 'unless-finished' ? freshProgress : reached
    if (progress.finished) return result(progress)
    logger.log('info', opening(stage, progress))
    const toPage = compilePage(await openToTopicRecord(declaration, options.registry))
    const current = { ...(await appendPages(options, progress, toPage, append)), finished: true }
    await append([], current)
    logger.log('info', closing(topic, current))
    return result(current)
  } finally {
    await producer.close()
  }
}

/** Goes on from `progress` until the source has no more pages or the duration is over; gives what is reached then. */
async function appendPages(
  options: IngestOptions,
  progress: Progress,
  toPage: ToPage,
  append: (records: readonly NewRecord[], progress: Progress) => Promise<unknown>,
): Promise<Progress> {
  const { run, source, clock, signal } = options
  const { stage, topic } = options.declaration
  const { runId, logicalDate, interval } = run
  const deadline = deadlineSignal(stage.durationMs, progress.elapsedMs, clock, signal)
  const failed = new AbortController()
  const until = AbortSignal.any([deadline.signal, failed.signal])
  const startedAt = clock.elapsed() - progress.elapsedMs
  const sourceRun = { seed: `${stage.name}-${logicalDate}`, logicalDate, interval }

  const appendPage = async (page: SourcePage, processed: ProcessedPage, reached: Progress, timer: StepTimer) => {
    const deadLetters = processed.failed.map(each => toDeadLetterRecord(topic.deadLetterTopic, stageId(stage), each))
    await append([...processed.records, ...deadLetters], reached)
    timer.lap('sink')
    options.onProgress(toProgress(options, page, processed, timer), result(reached))
  }

  let current = progress
  let appending: Promise<void> | null = null
  try {
    let timer = new StepTimer(clock)
    const pages = readAhead(end => source.pages(sourceRun, progress.cursor, end), until)
    for await (const page of pages) {
      timer.lap('read')
      const processed = toPage(page, { kind: 'source', runId, logicalDate, cursor: current.cursor ?? '' }, timer)
      await appending
      current = {
        cursor: page.cursor,
        pages: current.pages + 1,
        appended: current.appended + processed.records.length,
        deadLetters: current.deadLetters + processed.failed.length,
        filtered: current.filtered + processed.filtered,
        elapsedMs: Math.round(clock.elapsed() - startedAt),
        finished: false,
      }
      appending = appendPage(page, processed, current, timer)
      // The page that is waited for may be long in coming.
      appending.catch(error => failed.abort(error))
      timer = new StepTimer(clock)
      if (stage.durationMs !== null && current.elapsedMs >= stage.durationMs) break
    }
    await appending
    return current
  } catch (thrown) {
    await appending
    if (!deadline.isOver(thrown)) throw thrown
    // A source that retries until the time is over must not look like one that had nothing to say.
    if (current.pages === 0) throw noPage(stage)
    return { ...current, elapsedMs: Math.max(current.elapsedMs, stage.durationMs ?? 0) }
  } finally {
    deadline.clear()
  }
}

function noPage({ source, durationMs }: IngestPlan): MillraceError {
  const message = `Not one page of ${source.name} arrived in the ${formatDuration(durationMs ?? 0)} of the run.`
  return new MillraceError('SOURCE_TIMEOUT', message, {
    place: source.name,
    fix: 'Check that the source can be reached.',
  })
}

interface ProcessedPage {
  readonly records: readonly NewRecord[]
  readonly failed: readonly FailedRecord[]
  readonly filtered: number
}

type PageOrigin = Omit<Extract<DeadLetterOrigin, { kind: 'source' }>, 'index'>

/**
 * What a source's record is in the topic; null where the stage leaves it out.
 * @throws MillraceError `RECORD_INVALID`, `RECORD_TOO_LARGE`, `MAP_FAILED`, or the error that the source gave it.
 */
export type ToTopicRecord = (record: SourceRecord) => NewRecord | null

/** Check, select and encode. @throws MillraceError `SCHEMA_UNKNOWN` if the topic's schema is not registered. */
export async function openToTopicRecord(
  declaration: IngestDeclaration,
  registry: SchemaRegistry,
): Promise<ToTopicRecord> {
  const { stage, topic } = declaration
  const encoder = await openEncoder(topic, registry)
  // What select and the encoder do not name they do not see.
  const parse = compileParser(stage.source.schema, { unknownFields: stage.map === null ? 'keep' : 'drop' })
  const transform = compileTransform(stage, declaration.map, stage.source.schema, topic.value)

  return record => {
    if ('error' in record) throw record.error
    const parsed = parse(record.value)
    if (parsed.issues !== undefined) throw invalidRecord(parsed.issues, 'The source sent a record that does not match')
    const output = transform(parsed.value as { readonly [field: string]: unknown })
    if (output === null) return null
    const key = Buffer.from(String(output[topic.key]))
    const value = encoder.encode(output)
    const bytes = key.length + value.length
    if (bytes > topic.maxRecordBytes) {
      throw new MillraceError(
        'RECORD_TOO_LARGE',
        `The record has ${bytes} bytes and ${topic.name} takes ${topic.maxRecordBytes}.`,
        {
          place: topic.name,
          fix: 'Select less of it, or raise maxRecordBytes of the topic.',
        },
      )
    }
    return { topic: topic.name, key, value }
  }
}

/** The records of a page; those that fail come out beside the rest. */
type ToPage = (page: SourcePage, origin: PageOrigin, timer: StepTimer) => ProcessedPage

function compilePage(toRecord: ToTopicRecord): ToPage {
  return (page, origin, timer) => {
    const records: NewRecord[] = []
    const failed: FailedRecord[] = []
    let filtered = 0
    page.records.forEach((record, index) => {
      try {
        const appended = toRecord(record)
        if (appended === null) filtered += 1
        else records.push(appended)
      } catch (thrown) {
        const error = asMillraceError(thrown, 'RECORD_INVALID')
        failed.push({ origin: { ...origin, index }, error, key: null, value: originalBytes(record), headers: null })
      }
    })
    timer.lap('transform')
    return { records, failed, filtered }
  }
}

/** The bytes as they came where the source kept them; else the JSON value written out again. */
function originalBytes(record: SourceRecord): Uint8Array {
  return record.bytes ?? Buffer.from(JSON.stringify(record.value) ?? 'null')
}

async function openEncoder(topic: TopicPlan, registry: SchemaRegistry): Promise<Encoder> {
  const registered = await registry.lookup(topic.subject, topic.avro)
  if (registered === null) {
    throw new MillraceError('SCHEMA_UNKNOWN', `The schema of ${topic.name} is not registered under ${topic.subject}.`, {
      place: topic.subject,
      fix: 'Run `millrace apply` first.',
    })
  }
  return createEncoder({ node: topic.value, avro: topic.avro, schemaId: registered.id })
}

function opening({ source }: IngestPlan, { pages, appended }: Progress): string {
  return pages === 0
    ? `Reading ${source.name} from its start.`
    : `Reading ${source.name} on after page ${pages}; records in the log: ${appended}.`
}

function closing({ name, deadLetterTopic }: TopicPlan, progress: Progress): string {
  const { pages, appended, deadLetters, filtered, elapsedMs } = progress
  const counts = [
    `pages: ${pages}`,
    `to ${name}: ${appended}`,
    `to ${deadLetterTopic}: ${deadLetters}`,
    `left out: ${filtered}`,
  ]
  return `Finished after ${(elapsedMs / 1000).toFixed(1)} s. ${counts.join(', ')}.`
}

interface Progress extends IngestResult {
  readonly cursor: string | null
}

const freshProgress: Progress = {
  cursor: null,
  pages: 0,
  appended: 0,
  deadLetters: 0,
  filtered: 0,
  elapsedMs: 0,
  finished: false,
}

/**
 * A run's progress is kept as the committed offset of a group of its own, because only an offset can be committed
 * in one transaction with records, on Kafka as here.
 */
function cursorGroup(stage: IngestPlan, logicalDate: string): string {
  return `${stage.pipeline}.${stage.name}.${logicalDate}`
}

function toCommit(group: string, topic: string, progress: Progress): Commit {
  return { group, topic, partition: 0, next: progress.pages, metadata: JSON.stringify(progress) }
}

async function readProgress(log: Log, group: string, topic: string): Promise<Progress> {
  const [commit] = await log.admin.committed(group, topic)
  return commit === undefined ? freshProgress : (JSON.parse(commit.metadata) as Progress)
}

function result({ cursor: _, ...rest }: Progress): IngestResult {
  return rest
}

function toProgress(
  options: IngestOptions,
  page: SourcePage,
  processed: ProcessedPage,
  timer: StepTimer,
): StageProgress {
  return {
    stage: stageId(options.declaration.stage),
    at: options.clock.now(),
    recordsIn: page.records.length,
    recordsOut: processed.records.length,
    deadLetters: processed.failed.length,
    filtered: processed.filtered,
    bytesIn: page.bytes,
    ms: timer.ms,
    partitions: [],
  }
}

/** Aborts with `signal`, or when the run's duration is over. */
function deadlineSignal(durationMs: number | null, elapsedMs: number, clock: Clock, signal: AbortSignal) {
  const over = new AbortController()
  const cancel = new AbortController()
  if (durationMs !== null) {
    clock.sleep(Math.max(0, durationMs - elapsedMs), cancel.signal).then(
      () => over.abort(),
      () => {},
    )
  }
  return {
    signal: AbortSignal.any([signal, over.signal]),
    isOver: (thrown: unknown) => over.signal.aborted && thrown === over.signal.reason,
    clear: () => cancel.abort(),
  }
}
