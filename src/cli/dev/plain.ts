import type { ErrorReport } from '../../sdk/errors.ts'
import type { Json } from '../../sdk/json.ts'
import { countOf, formatElapsed, printable } from '../text.ts'
import { formatElapsedOf, formatMegabytes, formatRate, formatRunning } from './figures.ts'
import { nextSteps } from './next-steps.ts'
import type { DevSnapshot, RunView, StageView } from './snapshot.ts'

/** Something worth a line where there is no terminal to draw on. */
export interface DevLine {
  /** ISO 8601. */
  readonly at: string
  readonly kind:
    | 'started'
    | 'source'
    | 'run'
    | 'stage'
    | 'dead-letters'
    | 'first-row'
    | 'next-step'
    | 'progress'
    | 'stopped'
  /** A sentence. */
  readonly text: string
  readonly facts: { readonly [name: string]: Json }
}

/** While records flow, how often a line says how far things are, in milliseconds. */
const progressMs = 5_000

/**
 * What happened between two snapshots, as lines: `2026-01-01T00:00:42.000Z Run … started.` Pure.
 * @param previous null for the first snapshot
 * @param command how `millrace` is called here
 */
export function plainLines(previous: DevSnapshot | null, next: DevSnapshot, command = 'millrace'): string[] {
  return devLines(previous, next, command).map(asPlainLine)
}

/** The same as `plainLines`, one JSON document a line: `at`, `kind`, `text` and the facts of its kind. */
export function jsonLines(previous: DevSnapshot | null, next: DevSnapshot, command = 'millrace'): string[] {
  return devLines(previous, next, command).map(asJsonLine)
}

export function asPlainLine({ at, text }: DevLine): string {
  return `${at} ${printable(text)}`
}

export function asJsonLine({ at, kind, text, facts }: DevLine): string {
  return JSON.stringify({ at, kind, text, ...facts })
}

export function devLines(previous: DevSnapshot | null, next: DevSnapshot, command: string): readonly DevLine[] {
  return [
    ...started(previous, next),
    ...source(previous, next),
    ...next.stages.flatMap(stage => stageLines(stageOf(previous, stage), stage, next, command)),
    ...runLines(previous?.run ?? null, next, command),
    ...firstRow(previous, next, command),
    ...progress(previous, next),
  ]
}

/** The last line: where things stand at the end. */
export function stoppedLine(last: DevSnapshot): DevLine {
  const totals = last.stages.flatMap(({ to, total, kind }) =>
    total === null ? [] : [`${countOf(total, kind === 'ingest' ? 'record' : 'row')} in ${to}`],
  )
  const text = [`Stopped after ${formatRunning(last.uptimeMs)}`, ...totals].join(', ')
  const facts = { uptimeMs: last.uptimeMs, firstRowMs: last.firstRowMs, peakRssBytes: last.peakRssBytes }
  return line(last, 'stopped', `${text}. The next start goes on from here.`, {
    ...facts,
    stages: last.stages.map(stageFacts),
  })
}

function line(snapshot: DevSnapshot, kind: DevLine['kind'], text: string, facts: DevLine['facts'] = {}): DevLine {
  return { at: new Date(snapshot.at).toISOString(), kind, text, facts }
}

function started(previous: DevSnapshot | null, next: DevSnapshot): readonly DevLine[] {
  if (previous !== null) return []
  const { pipeline, target, statePath } = next
  const text = `Pipeline ${pipeline} started on target ${target}; its state is in ${statePath}.`
  return [line(next, 'started', text, { pipeline, target, statePath })]
}

function source(previous: DevSnapshot | null, next: DevSnapshot): readonly DevLine[] {
  const { address, simulated } = next.source
  const known = previous?.source
  if (address === '' || (known?.address === address && known.simulated === simulated)) return []
  const text = simulated === null ? `Records come from ${address}.` : `SIMULATED DATA: ${simulated}`
  return [line(next, 'source', text, { address, simulated })]
}

function stageOf(snapshot: DevSnapshot | null, { name }: StageView): StageView | null {
  return snapshot?.stages.find(stage => stage.name === name) ?? null
}

function stageLines(
  before: StageView | null,
  stage: StageView,
  next: DevSnapshot,
  command: string,
): readonly DevLine[] {
  const lines: DevLine[] = []
  const say = (text: string) =>
    lines.push(line(next, 'stage', text, { stage: stage.name, state: stage.state, error: report(stage.error) }))
  const halted = before?.state === 'paused' || before?.state === 'failed'
  const changed = before?.state !== stage.state
  if (stage.state === 'paused' || stage.state === 'failed') {
    if (changed || before?.error?.code !== stage.error?.code)
      say(`Stage ${stage.name} ${stage.state}${because(stage.error)}`)
  } else if (changed && halted && stage.state === 'running') say(`Stage ${stage.name} goes on.`)
  // An ingest stage runs while a run does, which has lines of its own.
  else if (changed && stage.kind === 'stream' && stage.state === 'running') {
    say(`Stage ${stage.name} runs, from ${stage.from} to ${stage.to}.`)
  }
  if (stage.deadLetters > 0 && (before?.deadLetters ?? 0) === 0) {
    const text = `Stage ${stage.name} has its first dead letters (${stage.deadLetters}); see them with: ${command} dlq list`
    lines.push(line(next, 'dead-letters', text, { stage: stage.name, deadLetters: stage.deadLetters }))
  }
  return lines
}

function runLines(before: RunView | null, next: DevSnapshot, command: string): readonly DevLine[] {
  const { run } = next
  if (run === null) return []
  const known = before?.runId === run.runId && before.dag === run.dag ? before : null
  const failedAttempt = run.state === 'running' && run.error !== null && known?.error === null
  if (known?.state === run.state && known.attempt === run.attempt && !failedAttempt) return []
  const name = `Run ${run.runId} of ${run.dag}`
  const facts = {
    ...{ dag: run.dag, runId: run.runId, state: run.state, attempt: run.attempt },
    ...{ elapsedMs: run.elapsedMs, durationMs: run.durationMs, error: report(run.error) },
  }
  const lines = [line(next, 'run', `${name} ${failedAttempt ? tryAgain(run) : becomes(run, known)}`, facts)]
  if (known !== null || run.state === 'running' || run.state === 'queued') return lines
  // Nothing will move by itself until the next run is due.
  const another = `${command} trigger ${run.dag}`
  return [...lines, line(next, 'next-step', `For another run: ${another}`, { command: another })]
}

function tryAgain(run: RunView): string {
  return `will be tried again; attempt ${run.attempt} failed${because(run.error)}`
}

function becomes(run: RunView, known: RunView | null): string {
  const soFar = formatElapsedOf(run.elapsedMs, run.durationMs)
  if (run.state === 'queued') return 'is queued.'
  if (run.state === 'running') {
    return run.attempt <= 1 && run.elapsedMs < 1000 ? 'started.' : `goes on at ${soFar}, attempt ${run.attempt}.`
  }
  const before = known === null ? ' before this start' : ''
  if (run.state === 'success') return `succeeded${before}, ${soFar} streamed.`
  if (run.state === 'cancelled') return `was cancelled${before} at ${soFar}.`
  return `failed${before}${because(run.error)}`
}

function firstRow(previous: DevSnapshot | null, next: DevSnapshot, command: string): readonly DevLine[] {
  const { firstRowMs } = next
  if (firstRowMs === null || (previous !== null && previous.firstRowMs !== null)) return []
  const text = `First row in the table after ${formatElapsed(firstRowMs)}.`
  const steps = nextSteps(next, command)
  return [
    line(next, 'first-row', text, { firstRowMs }),
    ...steps.map(step => line(next, 'next-step', `Try in another terminal: ${step}`, { command: step })),
  ]
}

function progress(previous: DevSnapshot | null, next: DevSnapshot): readonly DevLine[] {
  const tick = (snapshot: DevSnapshot) => Math.floor(snapshot.uptimeMs / progressMs)
  if (previous === null || tick(previous) === tick(next)) return []
  const { run, stages, peakRssBytes } = next
  const streaming = run?.state === 'running'
  if (!streaming && stages.every(stage => stage.recordsPerSecond === 0 && (stage.lag ?? 0) === 0)) return []
  const deadLetters = stages.reduce((sum, stage) => sum + stage.deadLetters, 0)
  const parts = [
    ...(streaming ? [`run at ${formatElapsedOf(run.elapsedMs, run.durationMs)}`] : []),
    ...stages.map(stageText),
    deadLetters === 0 ? 'no dead letters' : countOf(deadLetters, 'dead letter'),
    `peak memory ${formatMegabytes(peakRssBytes)}`,
  ]
  const facts = { elapsedMs: streaming ? run.elapsedMs : null, peakRssBytes, stages: stages.map(stageFacts) }
  return [line(next, 'progress', `Progress: ${parts.join('; ')}.`, facts)]
}

function stageText({ name, state, recordsPerSecond, records, lag }: StageView): string {
  const rest = lag === null ? '' : `, lag ${lag.toLocaleString('en')}`
  return `${name} ${state} ${formatRate(recordsPerSecond)}, ${countOf(records, 'record')}${rest}`
}

function stageFacts({ name, state, recordsPerSecond, records, total, deadLetters, lag }: StageView): Json {
  return { name, state, recordsPerSecond, records, total, deadLetters, lag }
}

function because(error: ErrorReport | null): string {
  if (error === null) return '.'
  const message = error.message.replace(/\s+/g, ' ').trim()
  const place = error.place === null ? '' : ` (${error.place})`
  return `: ${error.code}: ${message}${place}${error.fix === null ? '' : ` — ${error.fix}`}`
}

function report(error: ErrorReport | null): Json {
  if (error === null) return null
  const { code, message, place, fix, retry, outcome } = error
  return { code, message, place, fix, retry, outcome }
}
