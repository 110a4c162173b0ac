import { ok, rejects } from 'node:assert/strict'
import type { Plan } from '../../plan/plan.ts'
import type { Processor, StageEvent, StageProgress, StageStatus } from '../../ports/processor.ts'
import { type ErrorCode, MillraceError } from '../../sdk/errors.ts'
import type { ConformanceCase } from '../conformance.ts'

/** A processor for one check, with stages that each copy a topic of their own to a table of their own. All are stopped. */
export interface ProcessorFixture {
  readonly processor: Processor
  /** Declares every stage below. */
  readonly plan: Plan
  /** Names as the processor takes them. */
  readonly stages: readonly [string, string]
  /** A stage whose table does not exist before `mend` creates it: it fails, and waiting does not help. */
  readonly broken: { readonly stage: string; mend(): Promise<void> }
  /** Appends a record for each key to the topic of a stage; null for one whose bytes cannot be decoded. */
  append(stage: string, keys: readonly (string | null)[]): Promise<void>
  /** The keys in the table of a stage, in any order. */
  rows(stage: string): Promise<readonly string[]>
  /** Makes a stage's table take no rows for now; returns how to make it take them again. */
  block(stage: string): Promise<() => Promise<void>>
  /**
   * Where stages run. `elsewhere`: they can be deployed; bytes are not counted; and what stops a stage may stop a batch that has
   * written rows and is not told of, since it is done again.
   */
  readonly runs: 'here' | 'elsewhere'
  /** How long anything may take, in milliseconds. */
  readonly patienceMs: number
  close(): Promise<void>
}

/** States a rule; its check gets a fixture of its own. */
export type Rule = (text: string, check: (fixture: ProcessorFixture) => Promise<void>) => ConformanceCase

/** Everything a processor says of one stage, and a way to wait for it. */
export class Watcher {
  readonly events: StageEvent[] = []
  readonly unwatch: () => void
  readonly #patienceMs: number
  #changed = Promise.withResolvers<void>()

  constructor({ processor, patienceMs }: ProcessorFixture, stage: string) {
    this.#patienceMs = patienceMs
    this.unwatch = processor.watch(event => {
      if (stageOf(event) !== stage) return
      this.events.push(event)
      this.#changed.resolve()
      this.#changed = Promise.withResolvers()
    })
  }

  get states(): readonly StageStatus[] {
    return this.events.flatMap(event => (event.kind === 'state' ? [event.status] : []))
  }

  get progress(): readonly StageProgress[] {
    return this.events.flatMap(event => (event.kind === 'progress' ? [event.progress] : []))
  }

  sum(count: 'recordsIn' | 'recordsOut' | 'deadLetters'): number {
    return this.progress.reduce((sum, progress) => sum + progress[count], 0)
  }

  /** Waits until something is true; looks again whenever something is said. */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(
      () => late.reject(new Error(`not within ${this.#patienceMs} ms: ${what}`)),
      this.#patienceMs,
    )
    try {
      for (;;) {
        const changed = this.#changed.promise
        if (await holds()) return
        await Promise.race([changed, late.promise])
      }
    } finally {
      clearTimeout(timer)
    }
  }

  read(records: number): Promise<void> {
    return this.until(`${records} records read`, () => this.sum('recordsIn') >= records)
  }
}

function stageOf(event: StageEvent): string {
  return event.kind === 'state' ? event.status.stage : event.progress.stage
}

/** Keys that sort in their order. */
export function keys(from: number, to: number): readonly string[] {
  return Array.from({ length: to - from }, (_, index) => `key-${String(from + index).padStart(6, '0')}`)
}

/** Appends keys a hundred at a time, so that they are more than one batch. */
export async function appendMany(fixture: ProcessorFixture, stage: string, all: readonly string[]): Promise<void> {
  for (let from = 0; from < all.length; from += 100) await fixture.append(stage, all.slice(from, from + 100))
}

export async function sortedRows(fixture: ProcessorFixture, stage: string): Promise<readonly string[]> {
  return [...(await fixture.rows(stage))].sort()
}

export async function fails(code: ErrorCode, work: () => Promise<unknown>): Promise<void> {
  await rejects(work, error => {
    ok(error instanceof MillraceError, `not an error of Millrace: ${String(error)}`)
    ok(error.code === code, `${error.code} instead of ${code}: ${error.message}`)
    return true
  })
}
