import { randomUUID } from 'node:crypto'
import type { TaskPlan } from '../../../plan/plan.ts'
import type { Clock, Random } from '../../../ports/clock.ts'
import type { Task, TaskHandlers } from '../../../ports/orchestrator.ts'
import { asMillraceError, type ErrorReport, MillraceError } from '../../../sdk/errors.ts'
import type { Json } from '../../../sdk/json.ts'
import { type Ending, runAttempt, timedOut } from './attempt.ts'
import { type AttemptLog, attemptLog } from './attempt-log.ts'
import { conclude, concludeLost, resultText } from './conclude.ts'
import { nextRetry, nextRun, scheduleDueRuns } from './due.ts'
import { currentLease, isFree, release, renew, take, writeAsHolder } from './lease.ts'
import type { OrchestratorLimits } from './limits.ts'
import type { AttemptEnd } from './outcome.ts'
import { type AttemptRow, type DagRow, iso, planOf, type RunRow } from './rows.ts'
import type { Store } from './store.ts'

export interface SchedulerOptions {
  /** A connection of its own, so that a change made through another one shows in its data version. */
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly owner: string
  readonly limits: OrchestratorLimits
  readonly tasks: TaskHandlers
}

interface Begun {
  readonly row: AttemptRow
  readonly run: RunRow
  readonly task: TaskPlan
  readonly continues: boolean
}

interface RunningAttempt extends Begun {
  readonly log: AttemptLog
  readonly stop: AbortController
  /** What the attempt ends as if it is stopped. */
  stopped: AttemptEnd & { kind: 'cancelled' | 'given_back' }
  settled: Promise<void>
}

/** Acts while it holds the lease, waits as a standby while another does; returns when the signal aborts. */
export async function serve(options: SchedulerOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const token = await acquire(options, signal)
    if (token === null) return
    try {
      await new Scheduler(options, token).act(signal)
    } catch (error) {
      if (!(error instanceof MillraceError && error.code === 'SCHEDULER_FENCED')) throw error
    }
  }
}

/** The lease's token; null if the signal aborted first. What a vanished holder left running is concluded with it. */
async function acquire(options: SchedulerOptions, signal: AbortSignal): Promise<string | null> {
  const { store, clock, owner, limits } = options
  // Not from the random port: two that share a seed must not share a lease.
  const token = randomUUID()
  let seen = currentLease(store)
  let seenAt = clock.elapsed()
  let taken = false
  const look = () => {
    const lease = currentLease(store)
    if (lease?.token !== seen?.token || lease?.beat !== seen?.beat) {
      seen = lease
      seenAt = clock.elapsed()
    }
    if (!isFree(lease) && clock.elapsed() - seenAt < limits.leaseMs) return
    taken = store.write(() => {
      const now = currentLease(store)
      if (now?.token !== lease?.token || now?.beat !== lease?.beat) return false
      take(store, token, owner)
      concludeLost(store, clock.now())
      return true
    })
  }
  while (!signal.aborted) {
    passing(look)
    if (taken) return token
    await clock.sleep(limits.pollMs, signal).catch(() => undefined)
  }
  return null
}

class Scheduler {
  readonly #options: SchedulerOptions
  readonly #token: string
  readonly #running = new Map<number, RunningAttempt>()
  /** Ends `act`: aborted with what went wrong. */
  readonly #failed = new AbortController()
  /** Aborted when `act` has ended: nothing may be written any more. */
  readonly #over = new AbortController()
  #acting = true
  #version = -1
  #renewedAt: number
  /** When there is something to do even if nobody changes the file, in milliseconds since 1970 UTC. */
  #wakeAt = 0
  #flushing = false

  constructor(options: SchedulerOptions, token: string) {
    this.#options = options
    this.#token = token
    this.#renewedAt = options.clock.elapsed()
  }

  /** @throws MillraceError `SCHEDULER_FENCED`, or what the database failed with for good. */
  async act(signal: AbortSignal): Promise<void> {
    const { store, clock, limits } = this.#options
    const end = AbortSignal.any([signal, this.#failed.signal])
    try {
      while (!end.aborted) {
        passing(() => this.#look())
        await clock.sleep(limits.pollMs, end).catch(() => undefined)
      }
    } catch (error) {
      this.#failed.abort(error)
    }
    this.#acting = false
    for (const attempt of this.#running.values()) attempt.stop.abort(end.reason)
    await Promise.all([...this.#running.values()].map(({ settled }) => settled))
    this.#over.abort()
    if (this.#failed.signal.aborted) throw this.#failed.signal.reason
    passing(() => store.write(() => release(store, this.#token)))
  }

  #look(): void {
    const { store, clock, limits } = this.#options
    if (clock.elapsed() - this.#renewedAt >= limits.leaseMs / 3) {
      store.write(() => renew(store, this.#token))
      this.#renewedAt = clock.elapsed()
    }
    const version = store.dataVersion()
    if (version === this.#version && clock.now() < this.#wakeAt) return
    this.#tick()
    this.#version = version
  }

  /** Queues what is due, stops what is cancelled, begins what may begin. */
  #tick(): void {
    const { store, clock, limits, tasks } = this.#options
    const now = clock.now()
    let wakeAt = Number.POSITIVE_INFINITY
    // Stays if this fails, so that the next look tries again.
    this.#wakeAt = 0
    const begun = writeAsHolder(store, this.#token, () => {
      const begun: Begun[] = []
      for (const id of Object.keys(tasks)) {
        const dag = store.findDag(id)
        if (!dag) continue
        wakeAt = Math.min(wakeAt, scheduleDueRuns(store, dag, now, limits.queuedRuns))
        const run = this.#running.size + begun.length < limits.runningAttempts ? nextRun(store, dag, now) : null
        if (run) begun.push(begin(store, dag, run, now))
        wakeAt = Math.min(wakeAt, nextRetry(store, id))
      }
      return begun
    })
    for (const attempt of begun) this.#begin(attempt)
    this.#stopCancelled()
    // A run that began may have made room for the next interval.
    this.#wakeAt = begun.length > 0 ? now : wakeAt
  }

  #stopCancelled(): void {
    const { store } = this.#options
    const cancelled = store.all<{ id: number }>(`SELECT id FROM runs WHERE state = 'running' AND cancel_requested = 1`)
    for (const { id } of cancelled) {
      const attempt = [...this.#running.values()].find(({ run }) => run.id === id)
      if (!attempt || attempt.stop.signal.aborted) continue
      attempt.stopped = { kind: 'cancelled' }
      attempt.stop.abort(new MillraceError('RUN_CANCELLED', `Run "${attempt.run.run_id}" was cancelled.`))
    }
  }

  #begin(begun: Begun): void {
    const log = attemptLog(this.#options.clock, () => void this.#flushSoon())
    const stop = new AbortController()
    const attempt: RunningAttempt = {
      ...begun,
      log,
      stop,
      stopped: { kind: 'given_back' },
      settled: Promise.resolve(),
    }
    this.#running.set(begun.row.id, attempt)
    attempt.settled = this.#run(attempt).catch(error => this.#failed.abort(error))
  }

  async #run(attempt: RunningAttempt): Promise<void> {
    const { clock, limits, tasks } = this.#options
    const { row, run, task, log, stop } = attempt
    const handler = tasks[run.dag]!
    const ending = await runAttempt(handler, toldTo(attempt), {
      clock,
      timeoutMs: task.timeoutMs,
      graceMs: limits.graceMs,
      stop: stop.signal,
    })
    try {
      if (!this.#failed.signal.aborted) await this.#conclude(attempt, ending)
    } finally {
      log.close()
      this.#running.delete(row.id)
    }
    // The next look is not far, but a DAG with runs waiting need not wait for it.
    if (this.#acting) passing(() => this.#tick())
  }

  async #conclude(attempt: RunningAttempt, ending: Ending): Promise<void> {
    const { store, clock, random } = this.#options
    const { text, reason } = resultText(ending.exit?.result ?? null)
    if (reason) attempt.log.log('warn', reason)
    const conclusion = { end: endOf(attempt, ending), result: text, error: errorOf(attempt, ending) }
    const chance = random.next()
    await this.#durably(() => {
      writeAsHolder(store, this.#token, () => {
        this.#writeLog(attempt)
        conclude(store, attempt.row, conclusion, clock.now(), chance)
      })
      attempt.log.written()
    })
  }

  #writeLog({ row, run, log }: RunningAttempt): void {
    const { store } = this.#options
    const { lines, note } = log.pending
    store.addLogLines(row.id, lines)
    if (note !== null) store.change('UPDATE runs SET note = ? WHERE id = ?', note, run.id)
  }

  /** One transaction for what all attempts have said since the last. */
  async #flushSoon(): Promise<void> {
    if (this.#flushing) return
    this.#flushing = true
    const { store, clock, limits } = this.#options
    await clock.sleep(limits.flushMs, this.#over.signal).catch(() => undefined)
    this.#flushing = false
    if (this.#over.signal.aborted || this.#failed.signal.aborted) return
    try {
      await this.#durably(() => {
        writeAsHolder(store, this.#token, () => {
          for (const attempt of this.#running.values()) this.#writeLog(attempt)
        })
        for (const { log } of this.#running.values()) log.written()
      })
    } catch (error) {
      this.#failed.abort(error)
    }
  }

  /** Tries again while the disk is full or the file locked, for as long as this scheduler acts. */
  async #durably(work: () => void): Promise<void> {
    for (;;) {
      const failure = passing(work)
      if (failure === null) return
      if (!this.#acting) throw failure
      await this.#options.clock.sleep(1_000, this.#failed.signal)
    }
  }
}

/** What it failed with if that may pass, such as a full disk or a locked file. Other errors are thrown. */
function passing(work: () => void): MillraceError | null {
  try {
    work()
    return null
  } catch (error) {
    if (error instanceof MillraceError && error.retry === 'later') return error
    throw error
  }
}

function begin(store: Store, dag: DagRow, run: RunRow, now: number): Begun {
  const previous = store.attempt(run, run.attempts)
  const continues = previous !== undefined && previous.state !== 'success'
  return { run, row: store.beginAttempt(run, now), task: planOf(dag).task, continues }
}

function toldTo({ row, run, task, continues, log }: RunningAttempt): Omit<Task, 'signal'> {
  return {
    dag: run.dag,
    task: task.id,
    runId: run.run_id,
    attempt: row.attempt,
    continues,
    logicalDate: iso(run.logical_date),
    interval: { start: iso(run.interval_start), end: iso(run.interval_end) },
    conf: JSON.parse(run.conf) as Json,
    logger: log,
    note: text => log.note(text),
  }
}

/** A handler that finished its work has finished it, even if it was told to stop meanwhile; a time limit is a limit. */
function endOf(attempt: RunningAttempt, { cause, exit }: Ending): AttemptEnd {
  if (cause === 'timed_out') return { kind: 'timed_out' }
  if (cause === 'stopped' && exit?.kind !== 'done') return attempt.stopped
  return { kind: exit!.kind }
}

function errorOf(attempt: RunningAttempt, { cause, exit }: Ending): ErrorReport | null {
  if (cause === 'timed_out') return timedOut(toldTo(attempt), attempt.task.timeoutMs).toJSON()
  if (exit?.kind === 'done') return null
  if (cause === 'stopped') return asMillraceError(attempt.stop.signal.reason, 'RUN_CANCELLED').toJSON()
  return exit!.error
}
