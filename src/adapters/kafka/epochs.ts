/**
 * The epoch of a partition's assignment: the time, or one more than the highest epoch that is known if that is larger. Neither
 * the generation of a group nor its epoch would do: Kafka starts both again once a group has been idle for a week, and a table
 * that remembers a larger one would then refuse every writer.
 * @param now milliseconds since 1970 UTC
 */
export function nextEpoch(highest: number, now: number): number {
  return Math.max(Math.trunc(now), highest + 1)
}

/** What is kept beside a committed offset: the text of the commit, and the epoch of whoever made it, on a line of its own behind it. */
export interface KeptText {
  /** Null where nothing is committed: the offset only says whose the partition is. */
  readonly text: string | null
  /** 0 for a commit of Spark's, or of another tool. */
  readonly epoch: number
}

export function encodeKept({ text, epoch }: KeptText): string {
  return text === null ? `epoch ${epoch}` : `${text}\nepoch ${epoch}`
}

export function decodeKept(kept: string): KeptText {
  const [, text, epoch] = /^(?:(.*)\n)?epoch (\d{1,15})$/s.exec(kept) ?? []
  return epoch === undefined ? { text: kept, epoch: 0 } : { text: text ?? null, epoch: Number(epoch) }
}
