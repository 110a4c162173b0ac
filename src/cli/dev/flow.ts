import type { StageState } from '../../ports/processor.ts'
import type { ErrorReport } from '../../sdk/errors.ts'
import { countOf, cutText, padText, textWidth } from '../text.ts'
import { fitCount, formatRate, sparkline, wrapText } from './figures.ts'
import type { DevSnapshot, StageView } from './snapshot.ts'
import { type Line, type Span, span, spread, type Tone } from './style.ts'

/** Widths of a stage's columns; a width of 0 means that there is no room for the column. */
interface Columns {
  /** Spaces between two columns. */
  readonly gap: number
  readonly name: number
  readonly sparkline: number
  readonly deadLetters: number
}

const indent = 4
const stateWidth = 10
const rateWidth = 9
const lagWidth = 7
const deadLettersWidth = 12
const shortestSparkline = 8
/** One second a cell. */
const longestSparkline = 60

const states: { readonly [state in StageState]: { readonly sign: string; readonly tone: Tone } } = {
  starting: { sign: '○', tone: 'dim' },
  running: { sign: '●', tone: 'good' },
  paused: { sign: '▲', tone: 'warning' },
  draining: { sign: '○', tone: 'dim' },
  stopped: { sign: '■', tone: 'dim' },
  failed: { sign: '×', tone: 'bad' },
}

/** Whether a stage's row has room for the count of its dead letters. */
export function showsDeadLetters(stages: readonly StageView[], width: number): boolean {
  return chooseColumns(stages, width).deadLetters > 0
}

/** How wide the flow gets: more than this it cannot use. */
export function flowWidth(stages: readonly StageView[], available: number): number {
  return rowWidth(chooseColumns(stages, available))
}

/** What the columns of `flowLines` are. */
export function flowHeadings({ stages }: DevSnapshot, width: number): Line {
  return headings(chooseColumns(stages, width))
}

/** The flow from source to topic to table, one row a stage between what it reads and what it writes. */
export function flowLines(snapshot: DevSnapshot, width: number, command: string): readonly Line[] {
  const columns = chooseColumns(snapshot.stages, width)
  const lines: Line[] = []
  snapshot.stages.forEach((stage, index) => {
    const before = snapshot.stages[index - 1]
    if (before?.to !== stage.from) lines.push(startLine(stage, index === 0 ? snapshot.source.address : null))
    lines.push(stageLine(stage, columns), ...troubleLines(stage, width, command), endLine(stage, width))
  })
  return lines
}

/** An error as it is shown below what it stopped: what happened, then what to do about it. */
export function errorLines(error: ErrorReport, width: number, tone: Tone): readonly Line[] {
  const place = error.place === null ? '' : ` (${error.place})`
  const what = wrapText(`${error.code}: ${error.message}${place}`, width, 2)
  const fix = error.fix === null ? [] : wrapText(error.fix, width, 2)
  return [...what.map(text => [span(text, tone)]), ...fix.map(text => [span(text)])]
}

function chooseColumns(stages: readonly StageView[], width: number): Columns {
  const longest = Math.max(0, ...stages.map(stage => textWidth(stage.name)))
  const name = Math.min(longest, Math.max(16, Math.floor(width / 4)))
  const gap = width < 70 ? 1 : 2
  const withSparkline = (deadLetters: number): Columns => {
    const room = width - rowWidth({ gap, name, sparkline: 0, deadLetters }) - gap
    return { gap, name, sparkline: Math.min(room, longestSparkline), deadLetters }
  }
  const full = withSparkline(deadLettersWidth)
  if (full.sparkline >= shortestSparkline) return full
  const narrow = withSparkline(0)
  return narrow.sparkline >= shortestSparkline ? narrow : { ...narrow, sparkline: 0 }
}

function rowWidth({ gap, name, sparkline, deadLetters }: Columns): number {
  const optional = [sparkline, deadLetters].filter(width => width > 0)
  const cells = [name, stateWidth, rateWidth, lagWidth, ...optional]
  return indent + cells.reduce((sum, width) => sum + width, 0) + gap * (cells.length - 1)
}

function headings(columns: Columns): Line {
  const minute = columns.sparkline < 11 ? '60 s' : 'last minute'
  const cells = [
    padText('', columns.name),
    padText('state', stateWidth),
    padText('records/s', rateWidth, 'right'),
    ...(columns.sparkline > 0 ? [padText(cutText(minute, columns.sparkline), columns.sparkline)] : []),
    padText('lag', lagWidth, 'right'),
    ...(columns.deadLetters > 0 ? [padText('dead letters', columns.deadLetters, 'right')] : []),
  ]
  return [span(' '.repeat(indent) + cells.join(' '.repeat(columns.gap)), 'dim')]
}

function startLine(stage: StageView, address: string | null): Line {
  const what = stage.kind === 'ingest' ? 'source' : 'topic '
  const line = [span('○ ', 'accent'), span(`${what}  `, 'dim'), span(stage.from, 'strong')]
  return address === null || address === stage.from ? line : [...line, span(`  ${address}`, 'dim')]
}

function endLine(stage: StageView, width: number): Line {
  const [what, unit] = stage.kind === 'ingest' ? ['topic ', 'record'] : ['table ', 'row']
  const left = [span('▼ ', 'accent'), span(`${what}  `, 'dim'), span(stage.to, 'strong')]
  if (stage.total === null) return left
  const [count, ...noun] = countOf(stage.total, unit).split(' ')
  return spread(left, [span(count!, 'strong'), span(` ${padText(noun.join(' '), 'records'.length)}`, 'dim')], width)
}

function stageLine(stage: StageView, columns: Columns): Line {
  const { sign, tone } = states[stage.state]
  const cells: Span[] = [
    span(padText(cutText(stage.name, columns.name), columns.name)),
    span(padText(`${sign} ${stage.state}`, stateWidth), tone),
    span(
      padText(formatRate(stage.recordsPerSecond), rateWidth, 'right'),
      stage.recordsPerSecond > 0 ? 'strong' : 'dim',
    ),
  ]
  if (columns.sparkline > 0) cells.push(span(sparkline(stage.history, columns.sparkline), 'accent'))
  cells.push(span(padText(stage.lag === null ? '–' : fitCount(stage.lag, lagWidth), lagWidth, 'right')))
  if (columns.deadLetters > 0) cells.push(deadLettersCell(stage.deadLetters, columns.deadLetters))
  const gap = span(' '.repeat(columns.gap))
  return [span('│   ', 'accent'), ...cells.flatMap((cell, index) => (index === 0 ? [cell] : [gap, cell]))]
}

function deadLettersCell(deadLetters: number, width: number): Span {
  if (deadLetters === 0) return span(padText('0', width, 'right'), 'dim')
  return span(padText(`▲ ${fitCount(deadLetters, width - 2)}`, width, 'right'), 'bad')
}

function troubleLines(stage: StageView, width: number, command: string): readonly Line[] {
  const room = width - indent - 2
  const lines: Line[] = []
  if (stage.error !== null) lines.push(...errorLines(stage.error, room, states[stage.state].tone))
  if (stage.deadLetters > 0) {
    const text = `▲ ${countOf(stage.deadLetters, 'dead letter')}: ${command} dlq list`
    lines.push([span(text, 'bad')])
  }
  return lines.map(line => [span('│     ', 'accent'), ...line])
}
