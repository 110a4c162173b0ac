import { formatCount, textWidth } from '../text.ts'

const levels = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const
const units = [
  { size: 1e15, sign: 'P' },
  { size: 1e12, sign: 'T' },
  { size: 1e9, sign: 'G' },
  { size: 1e6, sign: 'M' },
  { size: 1e3, sign: 'k' },
] as const

/** `12,345`, or `12.3M` where that is wider than `width`. */
export function fitCount(count: number, width: number): string {
  const full = formatCount(Math.round(count))
  if (full.length <= width) return full
  const { size, sign } = units.find(unit => count >= unit.size) ?? units[4]
  const scaled = count / size
  return `${scaled < 100 ? scaled.toFixed(1) : Math.round(scaled)}${sign}`
}

/** `1,180/s`; slow rates with a decimal, so that they are not shown as none. */
export function formatRate(recordsPerSecond: number): string {
  const rate = recordsPerSecond > 0 && recordsPerSecond < 9.95 ? recordsPerSecond.toFixed(1) : null
  return `${rate ?? fitCount(recordsPerSecond, 7)}/s`
}

/** Time that runs, with the width of a clock: `0:42`, `1:05:09`, `3 d 01:05:09`. */
export function formatRunning(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const two = (value: number) => String(value).padStart(2, '0')
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  const rest = two(seconds % 60)
  if (hours === 0) return `${minutes}:${rest}`
  if (hours < 24) return `${hours}:${two(minutes % 60)}:${rest}`
  return `${Math.floor(hours / 24)} d ${two(hours % 24)}:${two(minutes % 60)}:${rest}`
}

/** `42 s of 60 s`, or in minutes where the whole is longer: `4:05 of 10:00`. */
export function formatElapsedOf(elapsedMs: number, durationMs: number | null): string {
  const format = (durationMs ?? elapsedMs) < 120_000 ? (ms: number) => `${Math.floor(ms / 1000)} s` : formatRunning
  return durationMs === null ? format(elapsedMs) : `${format(elapsedMs)} of ${format(durationMs)}`
}

/** How far away a later moment is: `in 40 s`, `in 12 min`, `in 3 h 12 min`, `in 4 d 3 h`. */
export function formatUntil(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  if (ms < 1000) return 'now'
  if (minutes < 2) return `in ${Math.floor(ms / 1000)} s`
  if (minutes < 60) return `in ${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `in ${hours} h ${minutes % 60} min`
  return `in ${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** In megabytes of a million bytes: `143 MB`. */
export function formatMegabytes(bytes: number): string {
  return `${formatCount(Math.round(bytes / 1e6))} MB`
}

/**
 * The newest `seconds` values in `width` cells, each the mean of its share, the newest at the right; empty where there is
 * no value yet. Only zero has the lowest level, so that little can be told from nothing.
 */
export function sparkline(values: readonly number[], width: number, seconds = 60): string {
  const perCell = seconds / width
  const cells: (number | null)[] = []
  for (let cell = 0; cell < width; cell++) {
    const end = values.length - Math.round(cell * perCell)
    const share = values.slice(Math.max(0, values.length - Math.round((cell + 1) * perCell)), Math.max(0, end))
    cells.unshift(share.length === 0 ? null : share.reduce((sum, value) => sum + value, 0) / share.length)
  }
  const highest = Math.max(...cells.map(cell => cell ?? 0))
  return cells.map(cell => (cell === null ? ' ' : level(cell, highest))).join('')
}

function level(value: number, highest: number): string {
  if (value <= 0 || highest <= 0) return levels[0]
  return levels[Math.min(7, Math.max(1, Math.round((value / highest) * 7)))]!
}

/** A bar of `width` cells with half cells: what is done, and what is left. */
export function progressBar(share: number, width: number): { readonly done: string; readonly left: string } {
  const halves = Math.round(Math.min(1, Math.max(0, share)) * width * 2)
  const done = '━'.repeat(Math.floor(halves / 2)) + (halves % 2 === 1 ? '╸' : '')
  return { done, left: '─'.repeat(width - textWidth(done)) }
}

/** The text broken at spaces into at most `maxLines` lines of `width` columns; the last says with … that there was more. */
export function wrapText(text: string, width: number, maxLines: number): readonly string[] {
  const words = text.trim().split(/\s+/)
  const lines: string[] = []
  while (words.length > 0 && lines.length < maxLines - 1) {
    let line = words.shift()!
    while (words.length > 0 && textWidth(line) + 1 + textWidth(words[0]!) <= width) line += ` ${words.shift()}`
    lines.push(line)
  }
  if (words.length > 0) lines.push(words.join(' '))
  return lines
}
