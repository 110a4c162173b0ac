import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { asMillraceError, MillraceError } from '../sdk/errors.ts'
import type { Engine, Place, ProbeTarget, Service } from './engine.ts'
import { readLastLines } from './logs.ts'
import { findMarked } from './process.ts'

/** How long a service may take until it is healthy, in milliseconds: Cassandra takes 11 s here with a calm machine. */
const healthyLimitMs = 180_000

/** How long one answer may take, in milliseconds. */
const answerLimitMs = 5_000

/** How often to ask, in milliseconds: a service tells nobody when it has started. */
const pollMs = 100

export interface HealthOptions {
  readonly engine: Engine
  readonly service: Service
  readonly target: ProbeTarget
  readonly logs: string
  readonly signal: AbortSignal
}

/**
 * Resolves when the service answers in its own protocol.
 * @throws MillraceError `ENGINE_FAILED` as soon as its process has ended, with what it said; `ENGINE_TIMEOUT`.
 */
export async function awaitHealthy(options: HealthOptions): Promise<void> {
  const { engine, service, target, logs, signal } = options
  const end = performance.now() + healthyLimitMs
  for (;;) {
    signal.throwIfAborted()
    const problem = await problemOf(within => service.probe(target, within), signal)
    if (problem === null) return
    if (findMarked([target.mark]).size === 0) throw failedToStart(engine, service, logs)
    if (performance.now() >= end) {
      throw new MillraceError(
        'ENGINE_TIMEOUT',
        `${engine.title} is not healthy after ${healthyLimitMs / 1_000} s: ${problem}.`,
        { place: logs, fix: `See \`millrace stack logs ${engine.name}\`; it goes on starting.` },
      )
    }
    await delay(pollMs, undefined, { signal })
  }
}

/**
 * Resolves when nothing that an earlier process left keeps the service from starting.
 * @throws MillraceError `ENGINE_TIMEOUT`.
 */
export async function awaitMayStart(
  engine: Engine,
  service: Service,
  place: Place,
  signal: AbortSignal,
): Promise<void> {
  const { mayStart } = service
  if (mayStart === undefined) return
  const end = performance.now() + healthyLimitMs
  for (;;) {
    const problem = await problemOf(within => mayStart(place, within), signal)
    if (problem === null) return
    if (performance.now() >= end) throw new MillraceError('ENGINE_TIMEOUT', `${engine.title} cannot start: ${problem}.`)
    await delay(pollMs, undefined, { signal })
  }
}

/** Why a probe fails; null if it does not. */
export async function problemOf(
  probe: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    await probe(AbortSignal.any([signal, AbortSignal.timeout(answerLimitMs)]))
    return null
  } catch (thrown) {
    signal.throwIfAborted()
    return asMillraceError(thrown).message
  }
}

/** @param said what it wrote, if that is known; else the end of its log is read */
export function failedToStart(engine: Engine, service: Service, logs: string, said?: string): MillraceError {
  const reason = reasonIn(
    said?.split('\n') ?? ['log', 'out'].flatMap(ending => endOf(join(logs, `${service.name}.${ending}`))),
  )
  return new MillraceError('ENGINE_FAILED', `${engine.title} ended while it started.${reason && `\n${reason}`}`, {
    place: logs,
    fix: `See \`millrace stack logs ${engine.name}\`.`,
  })
}

/** How many lines of a log are looked through for a reason. */
const endLines = 200

function endOf(path: string): readonly string[] {
  return readLastLines(path, endLines).text
}

/** The last lines that tell of something wrong, or else the last lines. */
export function reasonIn(log: readonly string[]): string {
  const lines = log.filter(line => line.trim() !== '' && !/^\s+(at |\.\.\. \d+ more)/.test(line))
  const wrong = lines.filter(line => /\b(ERROR|FATAL)\b|(Exception|Error)\b/.test(line))
  return (wrong.length > 0 ? wrong : lines)
    .slice(-3)
    .map(line => line.slice(0, 300))
    .join('\n')
}
