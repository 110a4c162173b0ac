import type { RunState } from '../../ports/orchestrator.ts'
import { formatElapsed, formatTime, padText } from '../text.ts'
import { formatElapsedOf, formatMegabytes, formatRunning, formatUntil, progressBar, wrapText } from './figures.ts'
import { errorLines, flowHeadings, flowLines, flowWidth, showsDeadLetters } from './flow.ts'
import { nextSteps } from './next-steps.ts'
import type { DevSnapshot, RunView } from './snapshot.ts'
import { type Line, lineWidth, paint, type Size, type Span, type Style, span, spread, type Tone } from './style.ts'

/** What the view shows besides the snapshot. */
export interface ViewState {
  /** `help` explains the words of the view; `ended` is the picture that stays when the view has gone. */
  readonly page: 'live' | 'help' | 'ended'
  /** Whether keys are read: there is none where standard input is not a terminal. */
  readonly keys: boolean
  /** The answer to the last key, shown beside the keys. */
  readonly answer: string | null
  /** How `millrace` is called here: `millrace` or `npx millrace`. */
  readonly command: string
}

/** Lines that are shown together or not at all; the lowest rank is the most important. Rank 0 is always shown. */
interface Section {
  readonly rank: number
  readonly lines: readonly Line[]
}

const margin = 1
const narrowestBar = 8
const runIndent = '     '

const runStates: { readonly [state in RunState]: { readonly sign: string; readonly tone: Tone } } = {
  queued: { sign: '○', tone: 'dim' },
  running: { sign: '●', tone: 'good' },
  success: { sign: '✓', tone: 'good' },
  failed: { sign: '×', tone: 'bad' },
  cancelled: { sign: '■', tone: 'dim' },
}

/**
 * The picture of `millrace dev` for a terminal: lines of at most `size.columns` columns, and fewer of them than
 * `size.rows`, so that the line below them stays free. Pure.
 */
export function renderView(snapshot: DevSnapshot, size: Size, style: Style, state: ViewState): readonly string[] {
  const available = Math.max(1, size.columns - 2 * margin)
  const width = Math.min(available, Math.max(76, flowWidth(snapshot.stages, available)))
  const sections = state.page === 'help' ? helpPage(snapshot, width, state) : livePage(snapshot, width, state)
  const indent = span(' '.repeat(margin))
  return fitRows(sections, Math.max(1, size.rows - 1)).map(line =>
    paint([indent, ...line], size.columns - margin, style),
  )
}

function livePage(snapshot: DevSnapshot, width: number, state: ViewState): readonly Section[] {
  return [
    { rank: 0, lines: [headline(snapshot, width)] },
    { rank: 8, lines: [[span('─'.repeat(width), 'dim')]] },
    { rank: 0, lines: simulatedLines(snapshot, width) },
    blank(5),
    { rank: 2, lines: [flowHeadings(snapshot, width)] },
    { rank: 0, lines: flowLines(snapshot, width, state.command) },
    blank(3),
    { rank: 0, lines: runLines(snapshot, width) },
    { rank: 4, lines: nextRunLines(snapshot) },
    blank(7),
    { rank: 1, lines: [factsLine(snapshot, width)] },
    { rank: 3, lines: [[], ...nextStepLines(snapshot, width, state)] },
    blank(6),
    { rank: 0, lines: [state.page === 'ended' ? endedLine(snapshot) : keysLine(state)] },
  ]
}

function blank(rank: number): Section {
  return { rank, lines: [[]] }
}

function headline({ pipeline, target, uptimeMs }: DevSnapshot, width: number): Line {
  const left = [span('millrace', 'accent'), span('  '), span(pipeline, 'strong'), span(` on ${target}`)]
  return spread(left, [span('running ', 'dim'), span(formatRunning(uptimeMs), 'strong')], width)
}

function simulatedLines({ source }: DevSnapshot, width: number): readonly Line[] {
  if (source.simulated === null) return []
  const badge = ' ▲ SIMULATED DATA '
  // The badge takes part in wrapping as one word.
  const [first = '', ...rest] = wrapText(`${'x'.repeat(badge.length)} ${source.simulated}`, width - 1, 3)
  return [[span(badge, 'badge'), span(first.slice(badge.length))], ...rest.map(text => [span(` ${text}`)])]
}

function runLines({ run }: DevSnapshot, width: number): readonly Line[] {
  if (run === null) return [[span('run  ', 'dim'), span('none yet')]]
  const { sign, tone } = runStates[run.state]
  const left = [
    span(runIndent),
    span(padText(`${sign} ${run.state}`, 10), tone),
    span(`  attempt ${padText(String(run.attempt), 2)}  `),
  ]
  return [
    [span('run  ', 'dim'), span(run.dag, 'strong'), span(`  ${run.runId}`)],
    [...left, ...progress(run, width - lineWidth(left))],
    ...(run.error === null
      ? []
      : errorLines(run.error, width - runIndent.length, run.state === 'failed' ? 'bad' : 'warning')
    ).map(line => [span(runIndent), ...line]),
  ]
}

function progress(run: RunView, room: number): readonly Span[] {
  const text = formatElapsedOf(run.elapsedMs, run.durationMs)
  if (run.durationMs === null) return [span(text)]
  // As wide as it will get, so that the bar keeps its length.
  const textRoom = formatElapsedOf(run.durationMs, run.durationMs).length
  const width = Math.min(60, room - textRoom - 2)
  if (width < narrowestBar) return [span(text)]
  const { done, left } = progressBar(run.durationMs === 0 ? 1 : run.elapsedMs / run.durationMs, width)
  const tone = run.state === 'failed' ? 'bad' : run.state === 'success' ? 'good' : 'accent'
  return [span(done, tone), span(left, 'dim'), span(`  ${padText(text, textRoom, 'right')}`)]
}

function nextRunLines({ run, nextRunAt, at }: DevSnapshot): readonly Line[] {
  if (nextRunAt === null || run?.state === 'running') return []
  const next = Date.parse(nextRunAt)
  if (Number.isNaN(next)) return []
  return [[span(`${runIndent}next scheduled run ${formatUntil(next - at)}, at ${formatTime(next)} UTC`, 'dim')]]
}

function factsLine(snapshot: DevSnapshot, width: number): Line {
  const { firstRowMs, peakRssBytes, stages } = snapshot
  const memory = formatMegabytes(peakRssBytes)
  const none = showsDeadLetters(stages, width) || stages.some(stage => stage.deadLetters > 0) ? [] : ['no dead letters']
  const first = firstRowMs === null ? null : formatElapsed(firstRowMs)
  const long = [
    first === null ? 'waiting for the first row in the table' : `first row in the table after ${first}`,
    `peak memory ${memory}`,
    ...none,
  ].join(' · ')
  if (long.length <= width) return [span(long)]
  return [span([first === null ? 'no row yet' : `first row after ${first}`, `peak ${memory}`, ...none].join(' · '))]
}

function nextStepLines(snapshot: DevSnapshot, width: number, { command }: ViewState): readonly Line[] {
  const steps = nextSteps(snapshot, command, width - 2)
  return [[span('try in another terminal', 'dim')], ...steps.map(step => [span('  '), span(step)])]
}

function keysLine({ keys, answer, page }: ViewState): Line {
  const said = answer === null ? [] : [span('   '), span(answer, 'accent')]
  if (!keys) return [...key('Ctrl-C', 'quit'), ...said]
  const more = page === 'help' ? 'back' : 'more'
  return [...key('t', 'trigger a run'), span('   '), ...key('q', 'quit'), span('   '), ...key('?', more), ...said]
}

function key(name: string, meaning: string): Line {
  return [span(name, 'accent'), span(` ${meaning}`, 'dim')]
}

function endedLine({ uptimeMs, statePath }: DevSnapshot): Line {
  return [
    span(`stopped after ${formatRunning(uptimeMs)}; the next start goes on from here`),
    span(` (${statePath})`, 'dim'),
  ]
}

function helpPage(snapshot: DevSnapshot, width: number, state: ViewState): readonly Section[] {
  const words = [
    ['records/s', 'through the stage, over the last seconds; the line shows the last minute'],
    ['lag', 'records in the topic that the stage has not read yet'],
    ['dead letters', 'records that could not be used, kept with their bytes and the reason'],
    ['paused', 'waiting for a log or table that is down or full; goes on by itself'],
  ] as const
  const indent = 14
  const explained = words.flatMap(([word, meaning]) =>
    wrapText(meaning, width - indent, 2).map((text, index) => [
      span(padText(index === 0 ? word : '', indent), 'strong'),
      span(text),
    ]),
  )
  return [
    { rank: 0, lines: [headline(snapshot, width)] },
    blank(3),
    { rank: 0, lines: explained },
    blank(4),
    { rank: 2, lines: [[span(padText('state', indent), 'strong'), span(snapshot.statePath)]] },
    blank(6),
    { rank: 1, lines: nextStepLines(snapshot, width, state) },
    blank(5),
    { rank: 0, lines: [keysLine(state)] },
  ]
}

/** As much as there is room for: sections by rank; if rank 0 alone is too long, without its end but for the last line. */
function fitRows(sections: readonly Section[], rows: number): readonly Line[] {
  const kept = new Set<Section>()
  let used = 0
  for (const section of [...sections].sort((a, b) => a.rank - b.rank)) {
    if (section.rank > 0 && used + section.lines.length > rows) continue
    kept.add(section)
    used += section.lines.length
  }
  const lines = sections.filter(section => kept.has(section)).flatMap(section => section.lines)
  return lines.length <= rows ? lines : [...lines.slice(0, rows - 1), lines.at(-1)!]
}
