export interface Pace {
  /** Null: as fast as the reader. */
  readonly recordsPerSecond: number | null
  readonly requestsPerSecond: number | null
}

/**
 * When the page after this one may be asked for, in milliseconds. `due` is when this page was allowed, `asked` when
 * it was asked for: a reader that was late may catch up by one page at most, so that it cannot cause a burst.
 */
export function nextDue(pace: Pace, due: number, asked: number, records: number): number {
  const byRecords = pace.recordsPerSecond === null ? 0 : (records * 1000) / pace.recordsPerSecond
  const byRequests = pace.requestsPerSecond === null ? 0 : 1000 / pace.requestsPerSecond
  const interval = Math.max(byRecords, byRequests)
  return Math.max(due + interval, asked)
}
