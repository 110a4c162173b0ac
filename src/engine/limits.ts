import type { Backoff } from './backoff.ts'

/** What bounds a stream stage's memory and waits, whatever the lag or the table's speed (G6). */
export interface StreamLimits {
  /** Records of one batch, and so rows of one write. Default 5,000. */
  readonly batchRecords: number
  /** The same for a table whose writes overlap: what is in memory only briefly costs little to clear away. Default 256. */
  readonly overlappingRecords: number
  /** How many writes of such a table may be under way at once. Default 3. */
  readonly overlappingWrites: number
  /** How many of its writes may wait for their commit: while that cannot be had nothing more is read. Default 1,000. */
  readonly unsettledWrites: number
  /** Between two commits of what was written to such a table, in milliseconds. Default 200. */
  readonly settleIntervalMs: number
  /** Bytes of one batch, and of what waits to become dead letters; one larger record is still taken. Default 4 MiB. */
  readonly batchBytes: number
  /** How long to wait for records before looking at other things, in milliseconds. Default 500. */
  readonly idleMs: number
  /** A table that keeps its own checkpoint needs the log's commit only for others to see: at most one in this many ms. */
  readonly commitIntervalMs: number
  /** Between tries while the log, table or registry cannot be used. */
  readonly backoff: Backoff
}

export const defaultStreamLimits: StreamLimits = {
  batchRecords: 5_000,
  overlappingRecords: 256,
  overlappingWrites: 3,
  unsettledWrites: 1_000,
  settleIntervalMs: 200,
  batchBytes: 4 * 1024 * 1024,
  idleMs: 500,
  commitIntervalMs: 1_000,
  backoff: { firstMs: 100, maxMs: 5_000 },
}

/** Between tries of an ingest run to append a page. */
export const appendBackoff: Backoff = { firstMs: 250, maxMs: 10_000 }
