import type { LogAdmin, LogRecord } from '../ports/log.ts'
import { MillraceError } from '../sdk/errors.ts'
import { type DeadLetter, fromDeadLetterRecord, replayedId } from './dead-letters.ts'

/** Where a dead letter is in its dead-letter topic. */
export interface DeadLetterPosition {
  readonly id: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since 1970 UTC. */
  readonly appendedAt: number
}

/** A dead-letter topic, read from its start to its end: of each id the newest record counts. */
export interface DeadLetterTopic {
  /** Not replayed yet, by id, oldest first. */
  readonly open: ReadonlyMap<string, DeadLetterPosition>
  /** Ids of those that were replayed. */
  readonly replayed: ReadonlySet<string>
  /** Whether there were more than `maxDeadLetters`, and the oldest are missing here. */
  readonly truncated: boolean
}

/** Ids kept of one topic; those of older letters are forgotten. */
export const maxDeadLetters = 100_000

const chunk = { maxRecords: 1_000, maxBytes: 8 * 1024 * 1024, waitMs: 0 }

/** @throws MillraceError `TOPIC_UNKNOWN`. */
export async function readDeadLetterTopic(
  admin: LogAdmin,
  topic: string,
  signal?: AbortSignal,
): Promise<DeadLetterTopic> {
  const open = new Map<string, DeadLetterPosition>()
  const replayed = new Set<string>()
  let truncated = false
  const forgetOldest = (ids: { readonly size: number; keys(): Iterator<string>; delete(id: string): unknown }) => {
    if (ids.size <= maxDeadLetters) return
    truncated = true
    ids.delete(ids.keys().next().value!)
  }
  const add = (partition: number, record: LogRecord) => {
    const done = replayedId(record)
    if (done !== null) {
      open.delete(done)
      replayed.add(done)
      forgetOldest(replayed)
      return
    }
    const letter = fromDeadLetterRecord(record)
    if (letter === null) return
    // A letter that comes again after its replay failed once more: a run that was cleared read it a second time.
    replayed.delete(letter.id)
    open.set(letter.id, { id: letter.id, topic, partition, offset: record.offset, appendedAt: record.timestamp })
    forgetOldest(open)
  }
  for (const { partition, start, end } of await admin.ranges(topic)) {
    for (let next = start; next < end; ) {
      signal?.throwIfAborted()
      const records = await admin.read(topic, partition, next, chunk)
      if (records.length === 0) break
      for (const record of records) add(partition, record)
      next = records.at(-1)!.offset + 1
    }
  }
  return { open, replayed, truncated }
}

/** @throws MillraceError `NOT_FOUND` if retention has taken it. */
export async function readDeadLetter(admin: LogAdmin, position: DeadLetterPosition): Promise<DeadLetter> {
  const { topic, partition, offset, id } = position
  const [record] = await admin.read(topic, partition, offset, { maxRecords: 1, maxBytes: 1, waitMs: 0 })
  const letter = record?.offset === offset ? fromDeadLetterRecord(record) : null
  if (letter !== null) return letter
  throw new MillraceError('NOT_FOUND', `The dead letter ${id} is no longer kept.`, {
    place: `${topic}[${partition}]@${offset}`,
  })
}
