import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Plan } from '../../plan/plan.ts'
import {
  type Processor,
  type StageCommand,
  type StageEvent,
  type StageReport,
  type StageState,
  type StageStatus,
  stageTransitions,
} from '../../ports/processor.ts'
import { asMillraceError, type ErrorReport, fromReport, MillraceError } from '../../sdk/errors.ts'

export interface ThreadProcessorOptions {
  /** The module a stage's thread runs; it is given `workerData[stage]`. */
  readonly entry: URL
  readonly workerData: { readonly [stage: string]: object }
  /** How long a thread that was told to stop may take to close its files before it is ended, in milliseconds. Default 2,000. */
  readonly stopTimeoutMs?: number
}

/** Runs each stream stage in a thread of this process, so that decoding and writing do not wait for the source. */
export function createThreadProcessor(options: ThreadProcessorOptions): Processor {
  const stages = new Map(Object.keys(options.workerData).map(name => [name, new StageThread(name, options, emit)]))
  const listeners = new Set<(event: StageEvent) => void>()

  function emit(event: StageEvent): void {
    for (const listener of listeners) listener(event)
  }

  const find = (name: string): StageThread => {
    const stage = stages.get(name)
    if (stage !== undefined) return stage
    throw new MillraceError('STAGE_UNKNOWN', `There is no stream stage ${name}.`, {
      fix: `Known: ${[...stages.keys()].join(', ') || 'none'}.`,
    })
  }

  return {
    refuses: (_plan: Plan) => [],
    start: async name => find(name).start(),
    drain: async (name, deadlineMs) => find(name).drain(deadlineMs),
    stop: async name => find(name).stop(),
    deploy: async name => find(name) && null,
    deployment: async name => find(name) && null,
    leave: async (name, deadlineMs) => find(name).drain(deadlineMs),
    status: async name => find(name).status(),
    watch(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close() {
      await Promise.all([...stages.values()].map(stage => stage.stop()))
      listeners.clear()
    },
  }
}

class StageThread {
  readonly #name: string
  readonly #options: ThreadProcessorOptions
  readonly #emit: (event: StageEvent) => void
  #worker: Worker | null = null
  /** Of the thread there is; null without one. */
  #started: Promise<void> | null = null
  #exited: Promise<void> = Promise.resolve()
  /** Whether the thread there is was told to end, so that its end is no failure. */
  #ending = false
  #status: StageStatus

  constructor(name: string, options: ThreadProcessorOptions, emit: (event: StageEvent) => void) {
    this.#name = name
    this.#options = options
    this.#emit = emit
    this.#status = { stage: name, state: 'stopped', error: null, progress: null }
  }

  status(): StageStatus {
    return this.#status
  }

  /** Starts the thread, unless it runs, and waits until its stage runs, waits for something, or has failed. */
  async start(): Promise<void> {
    // A thread that has failed or is ending may still be there for a moment, and is not the one asked for.
    if (this.#status.state === 'failed') await this.stop()
    if (this.#ending) await this.#exited
    this.#started ??= this.#run()
    await this.#started
  }

  async #run(): Promise<void> {
    const worker = new Worker(this.#options.entry, { workerData: this.#options.workerData[this.#name] })
    this.#worker = worker
    this.#enter('starting', null)
    const settled = Promise.withResolvers<void>()
    worker.on('message', (report: StageReport) => {
      this.#told(report)
      if (this.#status.state !== 'starting') settled.resolve()
    })
    worker.on('error', error => this.#enter('failed', asMillraceError(error, 'STAGE_FAILED').toJSON()))
    this.#exited = new Promise(resolve => {
      worker.on('exit', code => {
        this.#ended(code)
        settled.resolve()
        resolve()
      })
    })
    await settled.promise
    const { state, error } = this.#status
    if (error !== null && state === 'failed') throw fromReport(error)
    if (state === 'stopped') throw new MillraceError('STAGE_FAILED', `${this.#name} was stopped before it ran.`)
  }

  #told(report: StageReport): void {
    if (report.kind === 'state') {
      this.#enter(report.state, report.error)
      return
    }
    this.#status = { ...this.#status, progress: report.progress }
    this.#emit(report)
  }

  #ended(code: number): void {
    const failed = code !== 0 && !this.#ending
    this.#worker = null
    this.#started = null
    this.#ending = false
    if (this.#status.state === 'failed') return
    const error = failed ? new MillraceError('STAGE_FAILED', `The stage's thread ended with code ${code}.`) : null
    this.#enter(failed ? 'failed' : 'stopped', error?.toJSON() ?? null)
  }

  /** Lets the stage finish what it has in hand, and stops it when it has not after `deadlineMs`. */
  async drain(deadlineMs: number): Promise<void> {
    const worker = this.#worker
    if (worker === null) return
    this.#enter('draining', null)
    this.#tell('drain')
    if (!(await this.#exitsWithin(deadlineMs)) && this.#worker === worker) await this.stop()
  }

  /** Asks the thread to end and, when it does not, ends it. */
  async stop(): Promise<void> {
    const worker = this.#worker
    if (worker === null) return
    this.#tell('stop')
    // Of this thread, not of one that is started when this one has ended.
    const exited = this.#exited
    if (!(await this.#exitsWithin(this.#options.stopTimeoutMs ?? 2_000))) await worker.terminate()
    await exited
  }

  #tell(kind: StageCommand['kind']): void {
    this.#ending = true
    this.#worker?.postMessage({ kind } satisfies StageCommand)
  }

  async #exitsWithin(ms: number): Promise<boolean> {
    const timer = new AbortController()
    const late = delay(ms, false, { signal: timer.signal }).catch(() => false)
    const exited = await Promise.race([this.#exited.then(() => true), late])
    timer.abort()
    return exited
  }

  #enter(state: StageState, error: ErrorReport | null): void {
    const allowed: readonly StageState[] = stageTransitions[this.#status.state]
    if (state === this.#status.state ? error === this.#status.error : !allowed.includes(state)) return
    this.#status = { ...this.#status, state, error }
    this.#emit({ kind: 'state', status: this.#status })
  }
}
