import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DevSnapshot } from '../../../src/cli/dev/snapshot.ts'
import { type Style, terminalStyle } from '../../../src/cli/dev/style.ts'
import { renderView, type ViewState } from '../../../src/cli/dev/view.ts'
import { textWidth } from '../../../src/cli/text.ts'
import { runTransitions } from '../../../src/ports/orchestrator.ts'
import { stageTransitions } from '../../../src/ports/processor.ts'
import { diskFull, ingest, run, running, simulated, starting, stream } from './snapshots.ts'

const plain: Style = { colours: 0, unicode: true }
const live: ViewState = { page: 'live', keys: true, answer: null, command: 'millrace' }

function render(
  snapshot: DevSnapshot,
  columns: number,
  rows: number,
  state: Partial<ViewState> = {},
): readonly string[] {
  return renderView(snapshot, { columns, rows }, plain, { ...live, ...state })
}

describe('the view', () => {
  test('at 80 × 24', () => {
    expect(render(running, 80, 24)).toEqual([
      ' millrace  users on local                                          running 0:43',
      ' ──────────────────────────────────────────────────────────────────────────────',
      '',
      '                      state       records/s  last minute      lag  dead letters',
      ' ○ source  randomuser  https://randomuser.me/api/',
      ' │   user_automation  ● running     1,180/s     ▅███████        –             0',
      ' ▼ topic   users_created                                         41,204 records',
      ' │   spark_stream     ● running     1,175/s     ▅███████       12             0',
      ' ▼ table   spark_streams.created_users                           41,192 rows',
      '',
      ' run  user_automation  scheduled__2026-01-01T00:00:00.000Z',
      '      ● running   attempt 1   ━━━━━━━━━━━━━━━━━━━━━━━━╸──────────  42 s of 60 s',
      '',
      ' first row in the table after 843 ms · peak memory 143 MB',
      '',
      ' try in another terminal',
      '   millrace sql "SELECT * FROM spark_streams.created_users LIMIT 5"',
      '   millrace tail users_created',
      '   millrace runs',
      '',
      ' t trigger a run   q quit   ? more',
    ])
  })

  test('at 60 × 15, with the simulator standing in', () => {
    expect(render({ ...running, source: simulated }, 60, 15)).toEqual([
      ' millrace  users on local                      running 0:43',
      '  ▲ SIMULATED DATA  https://randomuser.me/api/ cannot be',
      '  reached, so the bundled simulator stands in for it.',
      '                     state      records/s 60 s          lag',
      ' ○ source  randomuser  http://127.0.0.1:4011/api/',
      ' │   user_automation ● running    1,180/s   ▃██████       –',
      ' ▼ topic   users_created                     41,204 records',
      ' │   spark_stream    ● running    1,175/s   ▁██████      12',
      ' ▼ table   spark_streams.created_users       41,192 rows',
      '',
      ' run  user_automation  scheduled__2026-01-01T00:00:00.000Z',
      '      ● running   attempt 1   ━━━━━━━━━━╸────  42 s of 60 s',
      ' first row after 843 ms · peak 143 MB · no dead letters',
      ' t trigger a run   q quit   ? more',
    ])
  })

  test('a second of history has a cell of its own where there is room', () => {
    const lines = render(running, 140, 40)
    expect(lines[5]).toBe(
      ` │   user_automation  ● running     1,180/s  ${' '.repeat(18)}▁▅${'█'.repeat(40)}        –             0`,
    )
  })

  test('at the start it waits for a run and for the first row', () => {
    const lines = render(starting, 80, 24)
    expect(lines).toContain(' │   spark_stream     ○ starting        0/s                     0             0')
    expect(lines).toContain(' ▼ table   spark_streams.created_users')
    expect(lines).toContain(' run  none yet')
    expect(lines).toContain('      next scheduled run in 23 h 59 min, at 2026-01-02 00:00:00 UTC')
    expect(lines).toContain(' waiting for the first row in the table · peak memory 61 MB')
  })

  test('a paused stage says why and what to do, and dead letters are marked', () => {
    const stages = [
      { ...ingest, deadLetters: 3 },
      { ...stream, state: 'paused' as const, error: diskFull, recordsPerSecond: 0, lag: 12_345_678 },
    ]
    expect(render({ ...running, stages }, 80, 24).slice(3, 11)).toEqual([
      ' ○ source  randomuser  https://randomuser.me/api/',
      ' │   user_automation  ● running     1,180/s     ▅███████        –           ▲ 3',
      ' │     ▲ 3 dead letters: millrace dlq list',
      ' ▼ topic   users_created                                         41,204 records',
      ' │   spark_stream     ▲ paused          0/s     ▅███████    12.3M             0',
      ' │     STORAGE_FULL: The database or disk is full. (.millrace/tables.db)',
      ' │     Free some space; Millrace goes on by itself.',
      ' ▼ table   spark_streams.created_users                           41,192 rows',
    ])
  })

  test('where the column of dead letters has no room, they are still counted', () => {
    const stages = [{ ...ingest, deadLetters: 3 }, stream]
    expect(render(running, 60, 24).join('\n')).toContain('no dead letters')
    const lines = render({ ...running, stages }, 60, 24).join('\n')
    expect(lines).toContain('▲ 3 dead letters: millrace dlq list')
    expect(lines).not.toContain('no dead letters')
  })

  test('a failed run shows its error; an ended one when the next starts', () => {
    const failed = { ...run, state: 'failed' as const, attempt: 3, error: diskFull }
    const lines = render({ ...running, run: failed }, 80, 40)
    expect(lines.slice(10, 15)).toEqual([
      ' run  user_automation  scheduled__2026-01-01T00:00:00.000Z',
      '      × failed    attempt 3   ━━━━━━━━━━━━━━━━━━━━━━━━╸──────────  42 s of 60 s',
      '      STORAGE_FULL: The database or disk is full. (.millrace/tables.db)',
      '      Free some space; Millrace goes on by itself.',
      '      next scheduled run in 23 h 59 min, at 2026-01-02 00:00:00 UTC',
    ])
  })

  test('a run without a duration has no bar', () => {
    const lines = render({ ...running, run: { ...run, durationMs: null } }, 80, 24)
    expect(lines).toContain('      ● running   attempt 1   42 s')
  })

  test('a second stream from the same topic is drawn from that topic', () => {
    const second = { ...stream, name: 'audit', to: 'audit.users', total: 7 }
    const lines = render({ ...running, stages: [ingest, stream, second] }, 80, 40)
    expect(lines.slice(9, 12).map(line => line.slice(0, 31).trimEnd())).toEqual([
      ' ○ topic   users_created',
      ' │   audit            ● running',
      ' ▼ table   audit.users',
    ])
  })

  test('columns stand still while numbers grow', () => {
    const where = (snapshot: DevSnapshot) =>
      render(snapshot, 80, 24).map(line => [line.indexOf('●'), line.indexOf('/s')])
    const grown = [ingest, stream].map(stage => ({ ...stage, recordsPerSecond: 987_654, total: 987_654_321 }))
    const small = [ingest, stream].map(stage => ({ ...stage, recordsPerSecond: 1, total: 1 }))
    expect(where({ ...running, stages: grown })).toEqual(where({ ...running, stages: small }))
  })

  test('the last picture says how to go on, and keeps the next steps', () => {
    const lines = render(running, 80, 24, { page: 'ended' })
    expect(lines.at(-1)).toBe(' stopped after 0:43; the next start goes on from here (.millrace)')
    expect(lines).toContain('   millrace tail users_created')
  })

  test('the keys line carries the answer to a key, and only Ctrl-C where no keys are read', () => {
    expect(render(running, 80, 24, { answer: 'asked for a run' }).at(-1)).toBe(
      ' t trigger a run   q quit   ? more   asked for a run',
    )
    expect(render(running, 80, 24, { keys: false }).at(-1)).toBe(' Ctrl-C quit')
  })

  test('help explains the words of the view at the smallest size', () => {
    const lines = render(running, 60, 15, { page: 'help', command: 'npx millrace' })
    for (const word of ['records/s', 'lag', 'dead letters', 'paused']) {
      expect(
        lines.some(line => line.startsWith(` ${word} `)),
        word,
      ).toBe(true)
    }
    expect(lines).toContain('   npx millrace tail users_created')
    expect(lines.at(-1)).toBe(' t trigger a run   q quit   ? back')
  })
})

describe('style of the view', () => {
  test.each([16, 256] as const)('%d colours change nothing about the text', colours => {
    const snapshot = { ...running, source: simulated, stages: [{ ...ingest, deadLetters: 3 }, stream] }
    const coloured = renderView(snapshot, { columns: 80, rows: 40 }, { colours, unicode: true }, live)
    expect(coloured.map(line => stripVTControlCharacters(line).trimEnd())).toEqual(render(snapshot, 80, 40))
    expect(coloured.join('')).toContain('\x1b[')
  })

  test('without UTF-8 everything is ASCII and stands in the same place', () => {
    const lines = renderView(running, { columns: 80, rows: 24 }, { colours: 0, unicode: false }, live)
    expect(lines.slice(4, 7)).toEqual([
      ' o source  randomuser  https://randomuser.me/api/',
      ' |   user_automation  * running     1,180/s     =#######        -             0',
      ' v topic   users_created                                         41,204 records',
    ])
  })

  test.each([
    [{ LANG: 'en_GB.UTF-8' }, true],
    [{ LANG: 'en_GB.UTF-8', LC_ALL: 'C' }, false],
    [{ LC_CTYPE: 'C.utf8', LANG: 'C' }, true],
    [{}, false],
    [{ WT_SESSION: '1' }, true],
  ])('the locale %j: UTF-8 is %s', (env, unicode) => {
    expect(terminalStyle(env, 1)).toEqual({ colours: 0, unicode })
  })

  test.each([
    [1, 0],
    [4, 16],
    [8, 256],
    [24, 256],
  ])('a colour depth of %d bits gives %d colours', (depth, colours) => {
    expect(terminalStyle({}, depth).colours).toBe(colours)
  })
})

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 80 }),
  fc.constantFrom(
    '\x1b[2J\x1b[31mred',
    'tab\tand\r\nbreak',
    '東京都渋谷区',
    '👩‍👩‍👧 family',
    'e\u0301\u0301',
    '\u202eright to left',
  ),
)
const amount = fc.oneof(fc.nat(), fc.double({ min: 0, max: 1e15, noNaN: true }))
const error = fc.option(
  fc.record({ ...constants(diskFull), message: text, place: fc.option(text), fix: fc.option(text) }),
)
const stage = fc.record({
  name: text,
  kind: fc.constantFrom('ingest' as const, 'stream' as const),
  from: text,
  to: text,
  state: fc.constantFrom(...keysOf(stageTransitions)),
  error,
  recordsPerSecond: amount,
  history: fc.array(amount, { maxLength: 60 }),
  records: fc.nat(),
  total: fc.option(fc.maxSafeNat()),
  deadLetters: fc.nat(),
  lag: fc.option(fc.maxSafeNat()),
})
const anyRun = fc.record({
  dag: text,
  runId: text,
  state: fc.constantFrom(...keysOf(runTransitions)),
  attempt: fc.nat(),
  elapsedMs: amount,
  durationMs: fc.option(amount),
  error,
})
const anySnapshot: fc.Arbitrary<DevSnapshot> = fc.record({
  pipeline: text,
  target: text,
  statePath: text,
  at: fc.constant(running.at),
  uptimeMs: amount,
  firstRowMs: fc.option(amount),
  source: fc.record({ address: text, simulated: fc.option(text) }),
  stages: fc.array(stage, { maxLength: 8 }),
  run: fc.option(anyRun),
  nextRunAt: fc.constantFrom(null, '2026-01-02T00:00:00.000Z', 'not a time'),
  peakRssBytes: amount,
})
const anyStyle = fc.record({ colours: fc.constantFrom(0 as const, 16 as const, 256 as const), unicode: fc.boolean() })
const anyState = fc.record({
  page: fc.constantFrom('live' as const, 'help' as const, 'ended' as const),
  keys: fc.boolean(),
  answer: fc.option(text),
  command: fc.constantFrom('millrace', 'npx millrace'),
})

describe('whatever the snapshot', () => {
  test('no line is wider than the terminal, none is missing below, and nothing but colours is obeyed', () => {
    const size = fc.record({ columns: fc.integer({ min: 1, max: 200 }), rows: fc.integer({ min: 2, max: 60 }) })
    fc.assert(
      fc.property(anySnapshot, size, anyStyle, anyState, (snapshot, { columns, rows }, style, state) => {
        const lines = renderView(snapshot, { columns, rows }, style, state)
        expect(lines.length).toBeLessThan(rows)
        for (const line of lines) {
          // biome-ignore lint/suspicious/noControlCharactersInRegex: this is about control characters.
          const shown = line.replace(/\x1b\[[0-9;]+m/g, '')
          expect(shown).not.toMatch(/[\p{Cc}\u202a-\u202e]/u)
          expect(textWidth(shown)).toBeLessThanOrEqual(columns)
          if (!style.unicode) expect(shown).toMatch(/^[\x20-\x7e]*$/)
        }
      }),
      { numRuns: 300 },
    )
  })
})

function keysOf<Key extends string>(table: { readonly [key in Key]: unknown }): Key[] {
  return Object.keys(table) as Key[]
}

function constants<T extends object>(of: T): { [key in keyof T]: fc.Arbitrary<T[key]> } {
  return Object.fromEntries(Object.entries(of).map(([key, value]) => [key, fc.constant(value)])) as never
}
