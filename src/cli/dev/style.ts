import { cutText, printable, textWidth } from '../text.ts'

/** What the terminal can show. */
export interface Style {
  readonly colours: 0 | 16 | 256
  /** Whether the locale is UTF-8; if not, everything is written in ASCII. */
  readonly unicode: boolean
}

/** What a piece of a line is, which decides its colour. No tone says anything that the text does not say too. */
export type Tone = 'plain' | 'strong' | 'dim' | 'accent' | 'good' | 'warning' | 'bad' | 'badge'

export interface Span {
  readonly text: string
  readonly tone: Tone
}

/** A line before it is cut to the terminal's width and coloured. */
export type Line = readonly Span[]

export interface Size {
  readonly columns: number
  readonly rows: number
}

/** SGR parameters: with 256 colours mid-tones that can be read on a dark and on a light background. */
const sgr: { readonly [tone in Tone]: { readonly 16: string; readonly 256: string } } = {
  plain: { 16: '', 256: '' },
  strong: { 16: '1', 256: '1' },
  dim: { 16: '2', 256: '38;5;245' },
  accent: { 16: '36', 256: '38;5;37' },
  good: { 16: '32', 256: '38;5;71' },
  warning: { 16: '33', 256: '38;5;172' },
  bad: { 16: '1;31', 256: '1;38;5;167' },
  badge: { 16: '7;33', 256: '1;38;5;16;48;5;214' },
}

/** What stands for the signs of the view where only ASCII can be shown; anything else becomes `?`. */
const ascii: { readonly [sign: string]: string } = {
  ...{ '○': 'o', '●': '*', '■': '#', '▲': '!', '×': 'x', '✓': '+', '│': '|', '▼': 'v', '→': '>' },
  ...{ '━': '=', '╸': '-', '─': '-', '…': '~', '·': '-', '–': '-' },
  ...{ '▁': '_', '▂': '.', '▃': '-', '▄': '~', '▅': '=', '▆': '+', '▇': '*', '█': '#' },
}

/** @param colourDepth bits per pixel, as `WriteStream.getColorDepth` has it; it knows NO_COLOR and FORCE_COLOR */
export function terminalStyle(env: NodeJS.ProcessEnv, colourDepth: number): Style {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || ''
  // Windows has no such variables; its Terminal says so itself.
  const unicode = /utf-?8/i.test(locale) || (locale === '' && env.WT_SESSION !== undefined)
  return { colours: colourDepth >= 8 ? 256 : colourDepth >= 4 ? 16 : 0, unicode }
}

export function span(text: string, tone: Tone = 'plain'): Span {
  return { text, tone }
}

export function lineWidth(line: Line): number {
  return line.reduce((width, { text }) => width + textWidth(printable(text)), 0)
}

/** `left` from the first column, `right` up to the last; the left part is cut if there is no room for both. */
export function spread(left: Line, right: Line, columns: number): Line {
  const room = Math.max(0, columns - lineWidth(right) - 2)
  const kept = cutLine(left, room)
  return [...kept, span(' '.repeat(Math.max(0, columns - lineWidth(right) - lineWidth(kept)))), ...right]
}

/** The line as it is written to the terminal: printable, at most `columns` wide, coloured. */
export function paint(line: Line, columns: number, style: Style): string {
  return cutLine(line, columns)
    .map(({ text, tone }) => colour(style.unicode ? text : toAscii(text), tone, style))
    .join('')
    .trimEnd()
}

function cutLine(line: Line, columns: number): Line {
  const kept: Span[] = []
  let room = columns
  for (const { text, tone } of line) {
    const safe = printable(text)
    const width = textWidth(safe)
    if (width > room) {
      if (room > 0) kept.push(span(cutText(safe, room), tone))
      return kept
    }
    kept.push(span(safe, tone))
    room -= width
  }
  return kept
}

function colour(text: string, tone: Tone, { colours }: Style): string {
  const codes = colours === 0 ? '' : sgr[tone][colours]
  return codes === '' || text === '' ? text : `\x1b[${codes}m${text}\x1b[0m`
}

/** As wide as the text. */
function toAscii(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text
  const segments = new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text)
  return [...segments]
    .map(({ segment }) =>
      /^[\x20-\x7e]$/.test(segment) ? segment : (ascii[segment] ?? '?'.repeat(textWidth(segment))),
    )
    .join('')
}
