import type { Clock } from '../ports/clock.ts'
import type { LogAdmin, LogRecord, PartitionRange } from '../ports/log.ts'
import { MillraceError } from '../sdk/errors.ts'

export type TailStart =
  | { readonly kind: 'start' | 'end' }
  | { readonly kind: 'offset'; readonly offset: number }
  /** Milliseconds since 1970 UTC. */
  | { readonly kind: 'time'; readonly time: number }
  | { readonly kind: 'newest'; readonly count: number }

export interface TailOptions {
  readonly topic: string
  /** Null for all. */
  readonly partition: number | null
  readonly from: TailStart
  /** Goes on as records arrive, until the signal aborts; otherwise ends with the last record there was at the start. */
  readonly follow: boolean
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** A record with the partition it is in. */
export interface TailedRecord extends LogRecord {
  readonly partition: number
}

/** How often to look for new records, in milliseconds. */
const pollMs = 200
/** Read ahead of each partition. */
const ahead = { maxRecords: 500, maxBytes: 1024 * 1024, waitMs: 0 }

interface Cursor {
  readonly partition: number
  next: number
  /** Where reading ends without `follow`. */
  readonly end: number
  records: readonly LogRecord[]
  taken: number
}

/** Records of all partitions, merged by time as far as it is known; a page holds at least one. */
export async function* readRecords(admin: LogAdmin, options: TailOptions): AsyncGenerator<readonly TailedRecord[]> {
  const { clock, follow, from, signal } = options
  const cursors = await openCursors(admin, options)
  if (from.kind === 'newest') {
    const newest: TailedRecord[] = []
    for (let page = await nextPage(admin, options, cursors, false); page.length > 0; ) {
      newest.push(...page)
      page = await nextPage(admin, options, cursors, false)
    }
    if (newest.length > 0) yield newest.slice(-from.count)
  }
  while (!signal.aborted) {
    const page = await nextPage(admin, options, cursors, follow)
    if (page.length > 0) yield page
    else if (follow) await clock.sleep(pollMs, signal)
    else return
  }
}

/** What is there now, in order of time, up to the point where a partition has to be read further. */
async function nextPage(
  admin: LogAdmin,
  { topic, signal }: TailOptions,
  cursors: readonly Cursor[],
  follow: boolean,
): Promise<readonly TailedRecord[]> {
  for (const cursor of cursors) {
    if (cursor.taken < cursor.records.length || (!follow && cursor.next >= cursor.end)) continue
    signal.throwIfAborted()
    const records = await admin.read(topic, cursor.partition, cursor.next, ahead)
    const after = (records.at(-1)?.offset ?? cursor.next - 1) + 1
    cursor.taken = 0
    cursor.records = follow ? records : records.filter(({ offset }) => offset < cursor.end)
    // Retention may have taken what was there; without that an empty answer would be asked for again and again.
    cursor.next = follow ? after : records.length === 0 ? cursor.end : Math.min(after, cursor.end)
  }
  const open = cursors.filter(({ records, taken }) => taken < records.length)
  const page: TailedRecord[] = []
  while (open.length > 0) {
    const oldest = open.reduce((a, b) => (b.records[b.taken]!.timestamp < a.records[a.taken]!.timestamp ? b : a))
    page.push({ ...oldest.records[oldest.taken]!, partition: oldest.partition })
    oldest.taken += 1
    if (oldest.taken === oldest.records.length) break
  }
  return page
}

async function openCursors(admin: LogAdmin, options: TailOptions): Promise<readonly Cursor[]> {
  const { topic, partition, from } = options
  const ranges = await rangesOf(admin, topic)
  const chosen = partition === null ? ranges : ranges.filter(range => range.partition === partition)
  if (chosen.length === 0) {
    throw new MillraceError('NOT_FOUND', `${topic} has no partition ${partition}.`, {
      place: topic,
      fix: `Its partitions are 0 to ${ranges.length - 1}.`,
    })
  }
  const later = from.kind === 'time' ? await admin.offsetsAt(topic, from.time) : []
  return chosen.map(range => {
    const at = later.find(each => each.partition === range.partition)?.offset
    return { partition: range.partition, next: startOf(range, from, at), end: range.end, records: [], taken: 0 }
  })
}

function startOf({ start, end }: PartitionRange, from: TailStart, offsetAt = end): number {
  switch (from.kind) {
    case 'start':
      return start
    case 'end':
      return end
    case 'offset':
      return Math.max(start, from.offset)
    case 'time':
      return offsetAt
    case 'newest':
      return Math.max(start, end - from.count)
  }
}

async function rangesOf(admin: LogAdmin, topic: string): Promise<readonly PartitionRange[]> {
  if ((await admin.topic(topic)) !== null) return admin.ranges(topic)
  const names = (await admin.topics()).items.map(({ name }) => name)
  throw new MillraceError('TOPIC_UNKNOWN', `There is no topic ${topic}.`, {
    fix: names.length === 0 ? 'Run `millrace apply` first.' : `Use one of: ${names.join(', ')}.`,
  })
}
