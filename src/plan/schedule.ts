import { Cron } from 'croner'
import { MillraceError } from '../sdk/errors.ts'

const presets: { readonly [name: string]: string } = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const names = new RegExp(`\\b(?:${[...months, ...weekdays].join('|')})\\b`, 'gi')

/** Of each of the five fields: its lowest and highest value, and the names of them all, if they have any. */
const ranges: readonly (readonly [lowest: number, highest: number, names: readonly string[]])[] = [
  [0, 59, []],
  [0, 23, []],
  [1, 31, []],
  [1, 12, months],
  [0, 6, weekdays],
]

/**
 * A preset or a five-field cron expression, as five fields that every scheduler reads alike.
 * @throws MillraceError `SCHEDULE_INVALID`.
 */
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
  return fields.map(simplify).join(' ')
}

/**
 * Without two ways of writing that croniter, which Airflow uses, reads differently: a range of a single value (`5-5`, to it all there
 * are), and every value in other words than a star (`*\/1`, `0-6`), which decides whether day and weekday must both match or either.
 */
function simplify(field: string, index: number): string {
  const [lowest, highest, names] = ranges[index]!
  const numberOf = (text: string) => {
    const named = names.indexOf(text.toLowerCase())
    return named === -1 ? Number(text) : lowest + named
  }
  const covered = new Set<number>()
  const parts = field.split(',').map(part => {
    const [range = '', step = '1'] = part.split('/')
    const [first = '', last = first] = range.split('-')
    const [from, to] = range === '*' ? [lowest, highest] : [numberOf(first), numberOf(last)]
    // Sunday is 7 as well.
    for (let value = from; value <= to; value += Number(step)) covered.add(value > highest ? lowest : value)
    return range.includes('-') && from === to ? first : part
  })
  return covered.size === highest - lowest + 1 ? '*' : parts.join(',')
}

function invalid(text: string, reason: string): MillraceError {
  return new MillraceError('SCHEDULE_INVALID', `${JSON.stringify(text)} is not a schedule: ${reason}.`, {
    fix: `Use ${Object.keys(presets).join(', ')}, or five fields such as "30 6 * * 1-5" (minute hour day month weekday).`,
  })
}
