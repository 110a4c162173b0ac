import type { Clock } from '../ports/clock.ts'
import type { Log, NewRecord, Producer } from '../ports/log.ts'
import type { SchemaRegistry } from '../ports/schema-registry.ts'
import { asMillraceError, MillraceError } from '../sdk/errors.ts'
import type { Json } from '../sdk/json.ts'
import { createDecoder } from './codec.ts'
import {
  type DeadLetterPosition,
  type DeadLetterTopic,
  readDeadLetter,
  readDeadLetterTopic,
} from './dead-letter-topic.ts'
import { type DeadLetter, toReplayedRecord, toReplayRecord } from './dead-letters.ts'
import { type IngestDeclaration, openToTopicRecord } from './ingest.ts'
import { StepTimer } from './progress.ts'
import { compileBatch, type StreamDeclaration } from './stream-batch.ts'

/** The stage that made a dead letter, as it is declared now. */
export type ReplayStage =
  | { readonly kind: 'ingest'; readonly declaration: IngestDeclaration }
  | { readonly kind: 'stream'; readonly declaration: StreamDeclaration }

export interface ReplayOptions {
  readonly deadLetterTopic: string
  readonly log: Log
  readonly registry: SchemaRegistry
  readonly clock: Clock
  /** By `<pipeline>/<stage>`. @throws MillraceError `STAGE_UNKNOWN`. */
  readonly findStage: (address: string) => ReplayStage
}

export type ReplayOutcome =
  /** `into` is null if the stage's `where` leaves the record out now. */
  | { readonly kind: 'replayed'; readonly into: string | null }
  /** Earlier, or by someone else; nothing changed. */
  | { readonly kind: 'replayed-before' }
  /** It would fail again; nothing changed. */
  | { readonly kind: 'failing'; readonly error: MillraceError }

/**
 * Gives the dead letters of one topic to their stages again. The record and the note that it was replayed are one append,
 * so a letter is replayed exactly once however often it is asked for (G5).
 *
 * A replayed record keeps the version that its row would have had, or for a record that never got into the topic the time
 * at which it failed: what came later is not overwritten (G2).
 */
export class Replay {
  readonly #options: ReplayOptions
  readonly #producer: Producer
  readonly #letters: DeadLetterTopic
  readonly #done = new Set<string>()
  readonly #tries = new Map<string, Promise<Try>>()

  private constructor(options: ReplayOptions, producer: Producer, letters: DeadLetterTopic) {
    this.#options = options
    this.#producer = producer
    this.#letters = letters
  }

  static async open(options: ReplayOptions): Promise<Replay> {
    const { log, deadLetterTopic } = options
    // The topic is read only after any other replay of it is fenced, so what is read stays true.
    const producer = await log.producer(`replay.${deadLetterTopic}`)
    try {
      return new Replay(options, producer, await readDeadLetterTopic(log.admin, deadLetterTopic))
    } catch (thrown) {
      await producer.close()
      throw thrown
    }
  }

  /** As they were when the replay was opened. */
  get letters(): DeadLetterTopic {
    return this.#letters
  }

  /** @throws MillraceError `NOT_FOUND`, `STAGE_UNKNOWN`; `PRODUCER_FENCED` if another replay of the topic has begun. */
  async replay(id: string): Promise<ReplayOutcome> {
    const { log, clock, deadLetterTopic } = this.#options
    if (this.#done.has(id) || this.#letters.replayed.has(id)) return { kind: 'replayed-before' }
    const position = this.#letters.open.get(id)
    if (position === undefined) {
      throw new MillraceError('NOT_FOUND', `There is no dead letter ${id}.`, { place: deadLetterTopic })
    }
    const letter = await readDeadLetter(log.admin, position)
    const attempt = await this.#tryOf(letter.stage)
    let record: NewRecord | null
    try {
      record = await attempt(letter, position)
    } catch (thrown) {
      const error = asMillraceError(thrown, 'RECORD_INVALID')
      if (error.retry !== 'never') throw thrown
      return { kind: 'failing', error }
    }
    const mark = toReplayedRecord(deadLetterTopic, id, clock.now())
    try {
      await this.#producer.append(record === null ? [mark] : [record, mark])
    } catch (thrown) {
      const error = asMillraceError(thrown)
      if (error.code !== 'RECORD_TOO_LARGE') throw thrown
      return { kind: 'failing', error }
    }
    this.#done.add(id)
    return { kind: 'replayed', into: record?.topic ?? null }
  }

  close(): Promise<void> {
    return this.#producer.close()
  }

  #tryOf(address: string): Promise<Try> {
    const known = this.#tries.get(address)
    if (known !== undefined) return known
    const opened = openTry(this.#options.findStage(address), this.#options)
    this.#tries.set(address, opened)
    return opened
  }
}

/** The record to append for a letter; null for none. Throws what the stage would fail with. */
type Try = (letter: DeadLetter, position: DeadLetterPosition) => Promise<NewRecord | null>

function openTry(stage: ReplayStage, options: ReplayOptions): Promise<Try> {
  return stage.kind === 'ingest' ? openSourceTry(stage.declaration, options) : openTopicTry(stage.declaration, options)
}

async function openSourceTry(declaration: IngestDeclaration, { registry }: ReplayOptions): Promise<Try> {
  const toTopicRecord = await openToTopicRecord(declaration, registry)
  return async ({ value }, { appendedAt }) => {
    const record = toTopicRecord({ value: parseJson(value) })
    // One less than the lowest version that a record appended in the same millisecond can have.
    return record === null ? null : toReplayRecord(record, record.topic, appendedAt * 1_000 - 1)
  }
}

/** Every source keeps a record's bytes as JSON. */
function parseJson(bytes: Uint8Array | null): Json {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes ?? new Uint8Array())) as Json
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new MillraceError('RECORD_INVALID', `The bytes are not JSON: ${message}.`, { cause })
  }
}

async function openTopicTry(declaration: StreamDeclaration, { registry, clock }: ReplayOptions): Promise<Try> {
  const { topic } = declaration
  const process = compileBatch(declaration, createDecoder({ node: topic.value, avro: topic.avro, registry }), clock)
  return async (letter, { appendedAt }) => {
    const { origin, key, value, headers } = letter
    if (origin.kind !== 'topic') throw new MillraceError('INVARIANT_BROKEN', `${letter.id} does not come from a topic.`)
    const { topic, partition, offset, version } = origin
    const record = { offset, timestamp: appendedAt, key, value, headers }
    const { failed } = await process({ topic, partition, records: [record] }, 0, new StepTimer(clock))
    if (failed[0] !== undefined) throw failed[0].error
    return toReplayRecord(letter, topic, version)
  }
}
