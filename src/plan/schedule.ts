import { Cron } from 'croner'
import { MillraceError } from '../sdk/errors.ts'

const presets: { readonly [name: string]: string } = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
}

const names = /\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat)\b/gi

/** A preset or a five-field cron expression, as five fields. @throws MillraceError `SCHEDULE_INVALID`. */
export function parseSchedule(text: string): string {
  if (text.startsWith('@')) {
    const preset = Object.hasOwn(presets, text) ? presets[text] : undefined
    if (preset !== undefined) return preset
    throw invalid(text, 'there is no such preset')
  }
  const fields = text.trim().split(/\s+/)
  const pattern = fields.join(' ')
  if (fields.length !== 5) throw invalid(text, `it has ${fields.length} fields, not five`)
  // What croner knows beyond this (L, W, #, ?) other schedulers read differently.
  const foreign = /[^\d*,/\- ]/.exec(pattern.replaceAll(names, '1'))
  if (foreign !== null) throw invalid(text, `${foreign[0]} is not part of plain cron`)
  let next: Date | null
  try {
    next = new Cron(pattern, { mode: '5-part', paused: true, timezone: 'UTC' }).nextRun(new Date(0))
  } catch (thrown) {
    throw invalid(text, (thrown as Error).message.replace(/^CronPattern: /, ''))
  }
  if (next === null) throw invalid(text, 'it never comes round')
  return pattern
}

function invalid(text: string, reason: string): MillraceError {
  return new MillraceError('SCHEDULE_INVALID', `${JSON.stringify(text)} is not a schedule: ${reason}.`, {
    fix: `Use ${Object.keys(presets).join(', ')}, or five fields such as "30 6 * * 1-5" (minute hour day month weekday).`,
  })
}
