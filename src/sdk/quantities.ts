import { MillraceError } from './errors.ts'

/** A span of time, such as `500ms`, `60s`, `5m`, `24h` or `7d`. */
export type Duration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

/** Bytes, or a size such as `512 KiB` or `1 MiB`. */
export type Size = number | `${number} ${'B' | 'KiB' | 'MiB' | 'GiB'}`

/** So many per second, minute or hour, such as `500/s`. */
export type Rate = `${number}/${'s' | 'm' | 'h'}`

const milliseconds: { readonly [unit: string]: number } = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const bytes: { readonly [unit: string]: number } = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }
const hundredYears = 100 * 365 * 86_400_000

/** Whole milliseconds, more than 0 and at most 100 years. @throws MillraceError `DURATION_INVALID`. */
export function parseDuration(text: string): number {
  const match = /^(\d{1,10}(?:\.\d{1,6})?)(ms|s|m|h|d)$/.exec(text)
  const ms = match === null ? 0 : Math.round(Number(match[1]) * milliseconds[match[2]!]!)
  if (ms < 1 || ms > hundredYears) throw invalid(text, 'a duration', '500ms, 60s, 5m, 24h or 7d')
  return ms
}

/** Whole bytes, more than 0. @throws MillraceError `DURATION_INVALID`. */
export function parseSize(size: string | number): number {
  const match = /^(\d{1,10}(?:\.\d{1,6})?) ?(B|KiB|MiB|GiB)$/.exec(typeof size === 'number' ? `${size} B` : size)
  const total = match === null ? 0 : Math.round(Number(match[1]) * bytes[match[2]!]!)
  if (total < 1) throw invalid(size, 'a size', '1048576, 512 KiB or 1 MiB')
  return total
}

/** How many per second, more than 0. @throws MillraceError `DURATION_INVALID`. */
export function parseRate(text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)\/(s|m|h)$/.exec(text)
  const perSecond = match === null ? 0 : (Number(match[1]) * 1000) / milliseconds[match[2]!]!
  if (perSecond <= 0) throw invalid(text, 'a rate', '500/s, 30/m or 100/h')
  return perSecond
}

/** 60000 as `1m`: the longest unit that leaves a whole number. */
export function formatDuration(ms: number): string {
  const unit = ['d', 'h', 'm', 's'].find(name => ms % milliseconds[name]! === 0) ?? 'ms'
  return `${ms / milliseconds[unit]!}${unit}`
}

/** 1048576 as `1 MiB`: the largest unit that leaves a whole number. */
export function formatSize(size: number): string {
  const unit = ['GiB', 'MiB', 'KiB'].find(name => size % bytes[name]! === 0) ?? 'B'
  return `${size / bytes[unit]!} ${unit}`
}

function invalid(found: string | number, what: string, examples: string): MillraceError {
  return new MillraceError('DURATION_INVALID', `${JSON.stringify(found)} is not ${what}.`, {
    fix: `Write it as ${examples}.`,
  })
}
