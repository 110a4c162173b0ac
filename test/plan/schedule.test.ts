import { describe, expect, it } from 'vitest'
import { parseSchedule } from '../../src/plan/schedule.ts'

describe('schedules', () => {
  it.each([
    ['@hourly', '0 * * * *'],
    ['@daily', '0 0 * * *'],
    ['@weekly', '0 0 * * 0'],
    ['@monthly', '0 0 1 * *'],
    ['@yearly', '0 0 1 1 *'],
    [' 30  6 * * 1-5 ', '30 6 * * 1-5'],
    ['*/15 0,12 1-7 JAN,JUL MON', '*/15 0,12 1-7 JAN,JUL MON'],
    ['0 0 29 2 *', '0 0 29 2 *'],
    ['5-5 0-0/2 3-3,9 jan-JAN 2-02/4', '5 0 3,9 jan 2'],
    ['0-59 */1 */1 1-6,JUL-DEC 1-7', '* * * * *'],
    ['0 0 1-30 * MON-FRI,6', '0 0 1-30 * MON-FRI,6'],
    ['0 0 */6 * SUN-SAT', '0 0 */6 * *'],
  ])('%j is %j', (text, fields) => expect(parseSchedule(text)).toBe(fields))

  it.each([
    ['', 'it has 1 fields, not five'],
    ['* * * *', 'it has 4 fields, not five'],
    ['0 0 * * * *', 'it has 6 fields, not five'],
    ['@never', 'there is no such preset'],
    ['@constructor', 'there is no such preset'],
    ['60 * * * *', 'Invalid value for minute: 60'],
    ['0 0 31 2 *', 'it never comes round'],
    ['0 0 L * *', 'L is not part of plain cron'],
    ['0 0 15W * *', 'W is not part of plain cron'],
    ['0 0 * * 5#2', '# is not part of plain cron'],
    ['0 0 ? * *', '? is not part of plain cron'],
    ['a b c d e', 'a is not part of plain cron'],
    ['5-1 * * * *', 'rom value is larger than to'],
  ])('%j is refused: %s', (text, reason) => {
    expect(() => parseSchedule(text)).toThrow(
      expect.objectContaining({ code: 'SCHEDULE_INVALID', message: expect.stringContaining(reason) }),
    )
  })
})
