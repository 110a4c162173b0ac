import type { EncodedRow } from './row-encoder.ts'

/** Rows that go to Cassandra together, all of them upserts or all deletes; as many as a power of two. */
export type Request = readonly EncodedRow[]

/** Measured: more rows cost no less CPU a row and wait longer. */
export const maxRowsPerRequest = 32

/** Of values with their lengths. Cassandra refuses batches of more than 50 KiB unless told otherwise (`batch_size_fail_threshold`). */
export const maxBytesPerRequest = 24 * 1024

/** The nodes that hold a row; the same object for rows that are held by the same nodes. */
export type ReplicasOf = (row: EncodedRow) => object

/**
 * Rows in as few requests as the limits allow. Those of one request have the same replicas, so that a replica
 * coordinates it and nothing is sent on to others but copies.
 *
 * Powers of two, because each number of rows is a statement of its own, and six of them are enough.
 */
export function toRequests(rows: readonly EncodedRow[], replicasOf: ReplicasOf | null): readonly Request[] {
  const groups = new Map<object | null, { upserts: EncodedRow[]; deletes: EncodedRow[] }>()
  for (const row of rows) {
    const replicas = replicasOf === null ? null : replicasOf(row)
    let group = groups.get(replicas)
    if (group === undefined) {
      group = { upserts: [], deletes: [] }
      groups.set(replicas, group)
    }
    if (row.deleted) group.deletes.push(row)
    else group.upserts.push(row)
  }
  const requests: Request[] = []
  for (const { upserts, deletes } of groups.values()) {
    cut(upserts, requests)
    cut(deletes, requests)
  }
  return requests
}

function cut(rows: readonly EncodedRow[], requests: Request[]): void {
  for (let from = 0; from < rows.length; ) {
    const count = largestPowerOfTwo(countThatFits(rows, from))
    requests.push(rows.slice(from, from + count))
    from += count
  }
}

/** At least one. */
function countThatFits(rows: readonly EncodedRow[], from: number): number {
  const most = Math.min(maxRowsPerRequest, rows.length - from)
  let bytes = 0
  for (let count = 0; count < most; count++) {
    const { start, end } = rows[from + count]!
    bytes += end - start
    if (bytes > maxBytesPerRequest) return Math.max(1, count)
  }
  return most
}

function largestPowerOfTwo(most: number): number {
  return 2 ** Math.floor(Math.log2(most))
}

/** The bytes of a request's rows: in as few pieces as there are gaps between them. */
export function piecesOf(request: Request, bytes: Buffer): readonly Buffer[] {
  const pieces: Buffer[] = []
  for (let from = 0; from < request.length; ) {
    const { start } = request[from]!
    let { end } = request[from++]!
    while (request[from]?.start === end) ({ end } = request[from++]!)
    pieces.push(bytes.subarray(start, end))
  }
  return pieces
}
