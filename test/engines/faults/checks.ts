import type { Sent } from './load.ts'
import type { TableRow, TopicRecord } from './readers.ts'
import { userColumns } from './sent-record.ts'
import type { Entry, TopicView } from './topic-view.ts'

/**
 * One check for each guarantee of docs/guarantees.md, of what bare clients read against what was sent. Each fails with a
 * list of what is wrong, cut to the first few.
 */
const shown = 10

function expectNone(guarantee: string, wrong: readonly string[]): void {
  if (wrong.length === 0) return
  const more = wrong.length > shown ? [`… and ${wrong.length - shown} more`] : []
  throw new Error([`${guarantee} is broken:`, ...wrong.slice(0, shown), ...more].join('\n  '))
}

/** What was acknowledged is in the topic where the broker said, and the topic holds nothing that was not sent. */
export function checkTopic(view: TopicView, sent: Sent): void {
  const wrong = [...view.strangers]
  const places = new Map<number, Set<string>>()
  const partitions = new Map<number, number>()
  for (const { partition, offset, sent } of view.partitions.flat()) {
    const known = places.get(sent.sequence) ?? new Set()
    places.set(sent.sequence, known.add(`${partition}@${offset}`))
    partitions.set(sent.sequence, partition)
  }
  for (const { from, to, baseOffsets } of sent.requests) {
    const next = new Map(baseOffsets)
    for (let sequence = from; sequence < to; sequence++) {
      const partition = partitions.get(sequence)
      const offset = partition === undefined ? undefined : next.get(partition)
      if (offset !== undefined) next.set(partition!, offset + 1)
      if (places.get(sequence)?.has(`${partition}@${offset}`)) continue
      wrong.push(`record ${sequence} is not at ${partition}@${offset}, where it was acknowledged`)
    }
  }
  expectNone('What was acknowledged is in the topic, and nothing else: that', wrong)
}

/** G1: every user of the topic has a row, or was deleted last, and there is no other row. */
export function checkNothingLostOrAdded(view: TopicView, rows: ReadonlyMap<string, TableRow>): void {
  const wrong: string[] = []
  for (const [id, entries] of view.byId) {
    const newest = entries.at(-1)!
    const there = rows.has(id)
    if (newest.sent.kind === 'user' && !there) wrong.push(`${describe(newest)} has no row`)
    if (newest.sent.kind === 'delete' && there) wrong.push(`${describe(newest)} deletes a row that is there`)
  }
  for (const id of rows.keys()) if (!view.byId.has(id)) wrong.push(`row ${id} comes from no record`)
  expectNone('G1', wrong)
}

/** G2: every row is the newest record of its id, field by field, with that record's version. */
export function checkNewestWins(view: TopicView, rows: ReadonlyMap<string, TableRow>): void {
  const wrong: string[] = []
  for (const [id, entries] of view.byId) {
    const difference = differenceBetween(rows.get(id), entries.at(-1)!)
    if (difference !== null) wrong.push(difference)
  }
  expectNone('G2', wrong)
}

/**
 * G3: what is before the commits is in the table or the dead-letter topic: each row is as one of the records of its id, and
 * none that is older than the newest before the commit.
 * @param committed read before rows and letters
 * @param from what was checked before, by partition
 */
export function checkCommitsBehind(
  view: TopicView,
  committed: ReadonlyMap<number, number>,
  rows: ReadonlyMap<string, TableRow>,
  letters: ReadonlySet<string>,
  from: ReadonlyMap<number, number> = new Map(),
): void {
  const wrong: string[] = []
  for (const entry of entriesBefore(view, committed, from)) {
    const { sent } = entry
    if (sent.kind === 'bad') {
      if (!letters.has(letterId(view, entry))) wrong.push(`${describe(entry)} is committed and no dead letter`)
      continue
    }
    const entries = view.byId.get(sent.id)!
    const newer = entries.slice(entries.indexOf(entry))
    const row = rows.get(sent.id)
    if (!newer.some(each => differenceBetween(row, each) === null)) {
      wrong.push(`committed, but ${differenceBetween(row, entry)}`)
    }
  }
  expectNone('G3', wrong)
}

/** Records before the commits and not before `from`. */
export function entriesBefore(
  view: TopicView,
  committed: ReadonlyMap<number, number>,
  from: ReadonlyMap<number, number> = new Map(),
): Entry[] {
  return [...committed].flatMap(([partition, next]) => {
    const entries = view.partitions[partition]!
    return entries.slice(indexOf(entries, from.get(partition) ?? 0), indexOf(entries, next))
  })
}

/** G4: running again changed no row. */
export function checkSameRows(before: ReadonlyMap<string, TableRow>, after: ReadonlyMap<string, TableRow>): void {
  const wrong: string[] = []
  for (const id of new Set([...before.keys(), ...after.keys()])) {
    if (JSON.stringify(before.get(id)) !== JSON.stringify(after.get(id))) wrong.push(`row ${id} changed`)
  }
  expectNone('G4', wrong)
}

/** G5: the dead letters are the topic's bad records, each once, with the bytes it had. */
export function checkDeadLetters(view: TopicView, letters: readonly TopicRecord[]): void {
  const bad = new Map<string, Entry>()
  for (const entry of view.partitions.flat()) if (entry.sent.kind === 'bad') bad.set(letterId(view, entry), entry)
  const wrong: string[] = []
  const seen = new Set<string>()
  for (const { key, value, headers } of letters) {
    const id = String(key)
    const entry = bad.get(id)
    if (entry === undefined) wrong.push(`the dead letter ${id} is of no bad record`)
    else {
      if (seen.has(id)) wrong.push(`the dead letter ${id} is there more than once`)
      if (value === null || !entry.value!.equals(value)) wrong.push(`the dead letter ${id} has other bytes`)
      if (!headers.get('millrace.key')?.equals(entry.key!)) wrong.push(`the dead letter ${id} has another key`)
      if (!headers.get('millrace.reason')?.length) wrong.push(`the dead letter ${id} has no reason`)
    }
    seen.add(id)
  }
  for (const [id, entry] of bad) if (!seen.has(id)) wrong.push(`${describe(entry)} is no dead letter`)
  expectNone('G5', wrong)
}

/** G7: no commit went back. */
export function checkNoCommitWentBack(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): void {
  const wrong: string[] = []
  for (const [partition, next] of before) {
    const now = after.get(partition) ?? 0
    if (now < next) wrong.push(`the commit of partition ${partition} went from ${next} back to ${now}`)
  }
  expectNone('G7', wrong)
}

/** The id that the dead letter of a record has: stage and coordinates. */
export function letterId(view: TopicView, { partition, offset }: Pick<TopicRecord, 'partition' | 'offset'>): string {
  return `users/spark_stream|${view.options.topic}|${partition}|${offset}`
}

/** Null if the row is what this record makes of it. */
function differenceBetween(row: TableRow | undefined, entry: Entry): string | null {
  const { sent, version } = entry
  if (sent.kind === 'delete') return row === undefined ? null : `${describe(entry)} deletes a row that is there`
  if (row === undefined) return `${describe(entry)} has no row`
  for (const column of userColumns) {
    const [expected, found] = [sent.user![column], row.values[column]]
    if (found !== expected) return `${describe(entry)} has ${column} ${expected}, its row ${found}`
  }
  const others = row.versions.filter(each => each !== version)
  if (others.length === 0 && row.versions.length === userColumns.length - 1) return null
  return `${describe(entry)} has version ${version}, its row ${row.versions.join(', ')}`
}

function describe({ sent, partition, offset }: Entry): string {
  return `${sent.kind} ${sent.sequence} (${sent.id}, ${partition}@${offset})`
}

/** Of the first entry that is not before this offset. */
function indexOf(entries: readonly Entry[], offset: number): number {
  let [low, high] = [0, entries.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (entries[middle]!.offset < offset) low = middle + 1
    else high = middle
  }
  return low
}
