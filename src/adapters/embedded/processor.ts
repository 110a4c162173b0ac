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
import type { Json } from '../../sdk/json.ts'

export interface ThreadProcessorOptions {
  /** The module a stage's thread runs; it is given `workerData[stage]`. */
  readonly entry: URL
  readonly workerData: { readonly [stage: string]: Json }
  /** How long `stop` lets a thread close its files before it is ended, in milliseconds. Default 2,000. */
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
    drain: async (name, deadlineMs) => find(name).end('drain', deadlineMs),
    stop: async name => find(name).end('stop', options.stopTimeoutMs ?? 2_000),
    status: async name => find(name).status(),
    watch(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close() {
      await Promise.all([...stages.values()].map(stage => stage.end('stop', options.stopTimeoutMs ?? 2_000)))
      listeners.clear()
    },
  }
}

class StageThread {
  readonly #name: string
  readonly #options: ThreadProcessorOptions
  readonly #emit: (event: StageEvent) => void
  #worker: Worker | null = null
  #exited: Promise<void> = Promise.resolve()
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

  /** Starts the thread and waits until its stage runs, waits for something, or has failed. */
  async start(): Promise<void> {
    if (this.#worker !== null) return
    const worker = new Worker(this.#options.entry, { workerData: this.#options.workerData[this.#name] })
    this.#worker = worker
    this.#enter('starting', null)
    let settled = () => {}
    const started = new Promise<void>(resolve => {
      settled = resolve
    })
    worker.on('message', (event: StageReport) => {
      if (event.kind === 'progress') {
        this.#status = { ...this.#status, progress: event.progress }
        this.#emit(event)
        return
      }
      this.#enter(event.state, event.error)
      if (event.state !== 'starting') settled()
    })
    worker.on('error', error => this.#enter('failed', asMillraceError(error, 'STAGE_FAILED').toJSON()))
    this.#exited = new Promise(resolve => {
      worker.on('exit', code => {
        this.#worker = null
        const { state } = this.#status
        if (state !== 'failed' && state !== 'stopped') {
          const clean = code === 0 || state === 'draining'
          const error = clean ? null : new MillraceError('STAGE_FAILED', `The stage's thread ended with code ${code}.`).toJSON()
          this.#enter(clean ? 'stopped' : 'failed', error)
        }
        settled()
        resolve()
      })
    })
    await started
    const { state, error } = this.#status
    if (state === 'failed') throw error === null ? new MillraceError('STAGE_FAILED', 'The stage failed.') : fromReport(error)
  }

  /** Asks the thread to end and, when it has not after `timeoutMs`, ends it. */
  async end(how: 'drain' | 'stop', timeoutMs: number): Promise<void> {
    const worker = this.#worker
    if (worker === null) return
    worker.postMessage({ kind: how } satisfies StageCommand)
    const late = setTimeout(() => void worker.terminate(), timeoutMs)
    await this.#exited
    clearTimeout(late)
    if (this.#status.state !== 'failed') this.#enter('stopped', null)
  }

  #enter(state: StageState, error: ErrorReport | null): void {
    const allowed: readonly StageState[] = stageTransitions[this.#status.state]
    if (state === this.#status.state ? error === this.#status.error : !allowed.includes(state)) return
    this.#status = { ...this.#status, state, error }
    this.#emit({ kind: 'state', status: this.#status })
  }
}
