import { describe, expect, it } from 'vitest'
import {
  checkCommitsBehind,
  checkDeadLetters,
  checkNewestWins,
  checkNoCommitWentBack,
  checkNothingLostOrAdded,
  checkSameRows,
  checkTopic,
  letterId,
} from './checks.ts'
import type { Sent } from './load.ts'
import type { TableRow, TopicRecord } from './readers.ts'
import { defaultMix, sentRecord, sentValue, userColumns } from './sent-record.ts'
import { type Entry, TopicView } from './topic-view.ts'

const records = 2_000
const seed = 'checks'
const encode = (user: object) => Buffer.from(`00000${JSON.stringify(user)}`)

/** What bare clients would read after a load of which nothing was lost, repeated or mixed up. */
function flawless() {
  const view = new TopicView({ topic: 'users', partitions: 2, seed, mix: defaultMix, encode })
  const next = [0, 0]
  for (let sequence = 0; sequence < records; sequence++) add(view, sequence, next)
  const rows = new Map<string, TableRow>()
  for (const [id, entries] of view.byId) {
    const { sent, version } = entries.at(-1)!
    if (sent.user === null) continue
    rows.set(id, { id, values: sent.user, versions: userColumns.slice(1).map(() => version) })
  }
  const bad = view.partitions.flat().filter(({ sent }) => sent.kind === 'bad')
  const letters = bad.map((entry): TopicRecord => {
    const headers = [['millrace.key', entry.key!] as const, ['millrace.reason', Buffer.from('bad')] as const]
    return { ...entry, key: Buffer.from(letterId(view, entry)), headers: new Map(headers) }
  })
  const requests = [{ from: 0, to: records, baseOffsets: new Map([[0, 0], [1, 0]]) }] // biome-ignore format: pairs
  const sent: Sent = { seed, mix: defaultMix, records, requests, failures: [] }
  const committed = new Map(next.map((offset, partition) => [partition, offset]))
  return { view, rows, letters, sent, committed, ids: new Set(letters.map(({ key }) => String(key))) }
}

function add(view: TopicView, sequence: number, next: number[], change: Partial<TopicRecord> = {}): void {
  const record = sentRecord(seed, sequence, defaultMix)
  const partition = Number.parseInt(record.id.slice(0, 2), 16) % 2
  view.add({
    ...{ partition, offset: next[partition]!++, timestamp: 1_700_000_000_000 + Math.floor(sequence / 100) },
    ...{ key: Buffer.from(record.id), value: sentValue(record, encode) },
    headers: new Map([['sequence', Buffer.from(String(sequence))]]),
    ...change,
  })
}

/** A user of which several records came, the newest of them no delete. */
function changedUser({ view }: ReturnType<typeof flawless>): readonly Entry[] {
  return [...view.byId.values()].find(
    each => each.length > 1 && each.every(({ sent }) => sent.kind === 'user') && each[0]!.sent.sequence > 10,
  )!
}

describe('the checks of the fault tests', () => {
  it('find nothing where nothing is wrong', () => {
    const { view, rows, letters, sent, committed, ids } = flawless()
    checkTopic(view, sent)
    checkNothingLostOrAdded(view, rows)
    checkNewestWins(view, rows)
    checkCommitsBehind(view, committed, rows, ids)
    checkSameRows(rows, new Map(rows))
    checkDeadLetters(view, letters)
    checkNoCommitWentBack(committed, committed)
  })

  it('see a topic that lacks an acknowledged record, or has one that was not sent', () => {
    const { view, sent } = flawless()
    const more = { from: records, to: records + 1, baseOffsets: new Map([[0, 9_999]]) }
    expect(() => checkTopic(view, { ...sent, requests: [...sent.requests, more] })).toThrow('acknowledged')
    add(view, records, [9_000, 9_000], { value: Buffer.from('other') })
    expect(() => checkTopic(view, sent)).toThrow('is not record')
  })

  it('see a row that is missing, one that came from nowhere, and one that was deleted (G1)', () => {
    const { view, rows } = flawless()
    const [id, row] = [...rows][5]!
    const without = new Map(rows)
    without.delete(id)
    expect(() => checkNothingLostOrAdded(view, without)).toThrow('has no row')
    expect(() => checkNothingLostOrAdded(view, new Map(rows).set('stranger', row))).toThrow('comes from no record')
    const deleted = [...view.byId].find(([, entries]) => entries.at(-1)!.sent.kind === 'delete')![0]
    expect(() => checkNothingLostOrAdded(view, new Map(rows).set(deleted, row))).toThrow('deletes a row')
  })

  it('see a row that is of an older record, has another value, or another version (G2)', () => {
    const scene = flawless()
    const { view, rows } = scene
    const [older, newest] = [changedUser(scene)[0]!, changedUser(scene).at(-1)!]
    const row = rows.get(newest.sent.id)!
    const changed = (change: Partial<TableRow>) => new Map(rows).set(row.id, { ...row, ...change })
    expect(() => checkNewestWins(view, changed({ values: older.sent.user! }))).toThrow('its row')
    expect(() => checkNewestWins(view, changed({ values: { ...row.values, phone: null } }))).toThrow('has phone')
    expect(() => checkNewestWins(view, changed({ versions: row.versions.map(each => each - 1) }))).toThrow('version')
    expect(() => checkNewestWins(view, changed({ versions: row.versions.slice(1) }))).toThrow('version')
  })

  it('see a commit ahead of the table or of the dead letters, and only that (G3)', () => {
    const scene = flawless()
    const { view, rows, ids, committed } = scene
    const newest = changedUser(scene).at(-1)!
    const older = changedUser(scene)[0]!
    const behind = new Map(rows).set(older.sent.id, {
      ...rows.get(older.sent.id)!,
      ...{ values: older.sent.user!, versions: userColumns.slice(1).map(() => older.version) },
    })
    expect(() => checkCommitsBehind(view, committed, behind, ids)).toThrow('committed, but')
    const earlier = new Map(committed).set(newest.partition, newest.offset)
    checkCommitsBehind(view, earlier, behind, ids)
    expect(() => checkCommitsBehind(view, committed, rows, new Set([...ids].slice(1)))).toThrow('no dead letter')
  })

  it('see a row that running again changed, added or took (G4)', () => {
    const { rows } = flawless()
    const [id, row] = [...rows][5]!
    expect(() => checkSameRows(rows, new Map(rows).set(id, { ...row, versions: [1] }))).toThrow('changed')
    expect(() => checkSameRows(rows, new Map(rows).set('new', row))).toThrow('changed')
    expect(() => checkSameRows(new Map(rows).set('old', row), rows)).toThrow('changed')
  })

  it('see a dead letter that is missing, doubled, of a good record, or has other bytes (G5)', () => {
    const { view, letters } = flawless()
    const [first, ...rest] = letters as [TopicRecord, ...TopicRecord[]]
    expect(() => checkDeadLetters(view, rest)).toThrow('is no dead letter')
    expect(() => checkDeadLetters(view, [...letters, first])).toThrow('more than once')
    expect(() => checkDeadLetters(view, [...letters, { ...first, key: Buffer.from('x') }])).toThrow('no bad record')
    expect(() => checkDeadLetters(view, [{ ...first, value: Buffer.from('x') }, ...rest])).toThrow('other bytes')
    expect(() => checkDeadLetters(view, [{ ...first, headers: new Map() }, ...rest])).toThrow('another key')
  })

  it('see a commit that went back (G7)', () => {
    const { committed } = flawless()
    expect(() => checkNoCommitWentBack(committed, new Map(committed).set(1, 5))).toThrow('back to 5')
    expect(() => checkNoCommitWentBack(committed, new Map())).toThrow('back to 0')
  })
})
