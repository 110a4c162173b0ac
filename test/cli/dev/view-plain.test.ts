import { describe, expect, test } from 'vitest'
import { jsonLines, plainLines } from '../../../src/cli/dev/plain.ts'
import type { DevSnapshot } from '../../../src/cli/dev/snapshot.ts'
import { diskFull, ingest, run, running, simulated, starting, stream } from './snapshots.ts'

const at = '2026-01-01T00:00:44.000Z'
const runId = 'scheduled__2026-01-01T00:00:00.000Z'

/** What is said when `change` happens to the running pipeline. */
function said(change: Partial<DevSnapshot>, before: Partial<DevSnapshot> = {}): string[] {
  return plainLines({ ...running, ...before }, { ...running, ...change })
}

function withStream(change: Partial<typeof stream>): Pick<DevSnapshot, 'stages'> {
  return { stages: [ingest, { ...stream, ...change }] }
}

describe('plain lines', () => {
  test('the first ones say what started and where records come from', () => {
    expect(plainLines(null, starting)).toEqual([
      '2026-01-01T00:00:01.000Z Pipeline users started on target local; its state is in .millrace.',
      '2026-01-01T00:00:01.000Z Records come from https://randomuser.me/api/.',
    ])
  })

  test('nothing is said while nothing happens', () => {
    expect(said({ at: running.at + 250 })).toEqual([])
  })

  test('a simulator that stands in is said in plain words', () => {
    expect(said({ source: simulated })).toEqual([`${at} SIMULATED DATA: ${simulated.simulated}`])
  })

  test('nothing is said about the source before it is known', () => {
    expect(plainLines(null, { ...starting, source: { address: '', simulated: null } })).toHaveLength(1)
  })

  test.each([
    [null, { ...run, state: 'queued', elapsedMs: 0 }, 'is queued.'],
    [{ ...run, state: 'queued' }, { ...run, elapsedMs: 0 }, 'started.'],
    [null, { ...run, attempt: 2 }, 'goes on at 42 s of 60 s, attempt 2.'],
    [run, { ...run, state: 'success', elapsedMs: 60_000 }, 'succeeded, 60 s of 60 s streamed.'],
    [run, { ...run, state: 'cancelled' }, 'was cancelled at 42 s of 60 s.'],
    [
      run,
      { ...run, state: 'failed', error: diskFull },
      'failed: STORAGE_FULL: The database or disk is full. (.millrace/tables.db) — Free some space; Millrace goes on by itself.',
    ],
    [
      run,
      { ...run, error: { ...diskFull, place: null, fix: null } },
      'will be tried again; attempt 1 failed: STORAGE_FULL: The database or disk is full.',
    ],
  ] as const)('run %#: %j → %j', (before, next, text) => {
    expect(said({ run: next }, { run: before })).toEqual([`${at} Run ${runId} of user_automation ${text}`])
  })

  test('a run that ended before this start comes with how to get another', () => {
    expect(said({ run: { ...run, state: 'success', elapsedMs: 60_000 } }, { run: null })).toEqual([
      `${at} Run ${runId} of user_automation succeeded before this start, 60 s of 60 s streamed.`,
      `${at} For another run: millrace trigger user_automation`,
    ])
  })

  test('a run that follows another is a run of its own', () => {
    expect(said({ run: { ...run, runId: 'manual__1', elapsedMs: 0 } })).toEqual([
      `${at} Run manual__1 of user_automation started.`,
    ])
  })

  test('a stage says when it runs, when it pauses and why, and when it goes on', () => {
    const paused = withStream({ state: 'paused', error: diskFull })
    expect(said({}, withStream({ state: 'starting' }))).toEqual([
      `${at} Stage spark_stream runs, from users_created to spark_streams.created_users.`,
    ])
    expect(said(paused)).toEqual([
      `${at} Stage spark_stream paused: STORAGE_FULL: The database or disk is full. (.millrace/tables.db) — Free some space; Millrace goes on by itself.`,
    ])
    expect(said({ ...paused, at: running.at + 250 }, paused)).toEqual([])
    expect(said({}, paused)).toEqual([`${at} Stage spark_stream goes on.`])
    expect(said(withStream({ state: 'failed', error: null }))).toEqual([`${at} Stage spark_stream failed.`])
  })

  test('a pause whose reason changes is said again', () => {
    const paused = withStream({ state: 'paused', error: diskFull })
    const other = withStream({ state: 'paused', error: { ...diskFull, code: 'STORAGE_BUSY' } })
    expect(said(other, paused)).toHaveLength(1)
  })

  test('the first dead letters of a stage are said once', () => {
    const some = withStream({ deadLetters: 2 })
    expect(said(some)).toEqual([
      `${at} Stage spark_stream has its first dead letters (2); see them with: millrace dlq list`,
    ])
    expect(said(withStream({ deadLetters: 5 }), some)).toEqual([])
  })

  test('the first row comes with the next steps, once', () => {
    expect(said({}, { firstRowMs: null })).toEqual([
      `${at} First row in the table after 843 ms.`,
      `${at} Try in another terminal: millrace sql "SELECT * FROM spark_streams.created_users LIMIT 5"`,
      `${at} Try in another terminal: millrace tail users_created`,
      `${at} Try in another terminal: millrace runs`,
    ])
  })

  test('progress is said every five seconds while something goes on', () => {
    const before = { uptimeMs: 44_900 }
    const idle = {
      uptimeMs: 45_000,
      run: { ...run, state: 'success' as const },
      stages: [ingest, stream].map(stage => ({ ...stage, recordsPerSecond: 0, lag: 0 })),
    }
    expect(said({ uptimeMs: 44_999 }, before)).toEqual([])
    expect(said({ uptimeMs: 45_000 }, before)).toEqual([
      `${at} Progress: run at 42 s of 60 s; user_automation running 1,180/s, 41,204 records; spark_stream running 1,175/s, 41,192 records, lag 12; no dead letters; peak memory 143 MB.`,
    ])
    expect(said(idle, { ...idle, ...before })).toEqual([])
  })

  test('a line stays one line, whatever an error says', () => {
    const message = 'first\nsecond \x1b[31mred'
    const [line] = said(withStream({ state: 'paused', error: { ...diskFull, message } }))
    expect(line).toContain('first second \\u001b[31mred')
  })

  test('as JSON, each line has its time, kind, text and facts', () => {
    const lines = jsonLines(running, { ...running, run: { ...run, state: 'success' } })
    expect(lines.map(line => JSON.parse(line))).toEqual([
      {
        at,
        kind: 'run',
        text: `Run ${runId} of user_automation succeeded, 42 s of 60 s streamed.`,
        dag: 'user_automation',
        runId,
        state: 'success',
        attempt: 1,
        elapsedMs: 42_300,
        durationMs: 60_000,
        error: null,
      },
    ])
  })
})
