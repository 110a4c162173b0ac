import { type TablePlan, tableId } from '../../plan/plan.ts'
import type { Clock, Random } from '../../ports/clock.ts'
import { type Checkpoint, type Row, RowsRejected, type Table } from '../../ports/table.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { CheckpointStore } from './checkpoints.ts'
import type { Connection } from './connection.ts'
import { tableUnknown } from './description.ts'
import { EncodedValues } from './encoded-values.ts'
import { asTableError, failureOf, isOverload, isTransient } from './errors.ts'
import type { InFlight } from './in-flight.ts'
import { findPlacement } from './placement.ts'
import { piecesOf, type Request, toRequests } from './requests.ts'
import { type EncodedRow, newestOfEachKey, RowEncoder } from './row-encoder.ts'
import { rowFault } from './row-fault.ts'
import { readTable } from './schema.ts'
import { deleteStatement, repeated, upsertStatement } from './statements.ts'

const firstPauseMs = 100

export interface CassandraTableOptions {
  readonly connection: Connection
  readonly inFlight: InFlight
  readonly plan: TablePlan
  /** How many columns of the primary key, from its start, say which nodes hold a row. */
  readonly partitionColumns: number
  readonly checkpoints: CheckpointStore
  readonly clock: Clock
  readonly random: Random
  /** Aborts when the store is closed. */
  readonly closed: AbortSignal
}

/**
 * Rows as idempotent upserts with their versions as write timestamps. Rows and checkpoint are not one transaction: the rows
 * go first, and the log's commit follows both.
 */
export class CassandraTable implements Table {
  readonly #options: CassandraTableOptions
  readonly #id: string
  readonly #encoder: RowEncoder
  readonly #upsert: string
  readonly #delete: string
  /** Statements of several rows, by the statement of one and the number. */
  readonly #repeated = new Map<string, Map<number, string>>()
  #closed = false

  constructor(options: CassandraTableOptions) {
    const { plan, connection } = options
    this.#options = options
    this.#id = tableId(plan)
    this.#encoder = new RowEncoder(plan, connection.settings.maxRowBytes)
    this.#upsert = upsertStatement(plan)
    this.#delete = deleteStatement(plan)
  }

  async claim(topic: string, partition: number, epoch: number): Promise<Checkpoint | null> {
    this.#refuseIfClosed()
    return this.#options.checkpoints.claim(topic, partition, epoch)
  }

  async write(rows: readonly Row[], ...checkpoints: readonly Checkpoint[]): Promise<void> {
    this.#refuseIfClosed()
    if (rows.length > 0) await this.#sendAll(rows)
    await this.#options.checkpoints.store(checkpoints)
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  async #sendAll(rows: readonly Row[]): Promise<void> {
    const { plan, partitionColumns, connection, closed } = this.#options
    const placement = findPlacement(connection, plan, partitionColumns)
    const { rows: encoded, bytes } = this.#encoder.encode(rows, placement)
    // Append-only: an older row may have the value that a newer one leaves unset.
    const sent = plan.appendOnly ? encoded : newestOfEachKey(encoded)
    const requests = toRequests(sent, placement && (({ routingKey }) => placement.replicasOf(routingKey!)))
    // Once one request has failed for good, those that still wait are given up.
    const failed = new AbortController()
    const rejected: { index: number; error: MillraceError }[] = []
    const send = async (request: Request): Promise<void> => {
      try {
        rejected.push(...(await this.#send(request, bytes, failed.signal)))
      } catch (error) {
        failed.abort(error)
      }
    }
    await Promise.all(requests.map(send))
    closed.throwIfAborted()
    failed.signal.throwIfAborted()
    if (rejected.length > 0) throw new RowsRejected(rejected.sort((a, b) => a.index - b.index))
  }

  /** Sends rows until they are durable, and returns those that can never be. */
  async #send(
    request: Request,
    bytes: Buffer,
    failed: AbortSignal,
  ): Promise<{ index: number; error: MillraceError }[]> {
    try {
      await this.#sendWithRetries(request, bytes, failed)
      return []
    } catch (error) {
      const fault = rowFault(error, this.#id)
      if (fault === null) throw await this.#explain(error)
      if (request.length === 1) return [{ index: request[0]!.index, error: fault }]
      // Which of the rows it is, if it is not their number, shows when they go in smaller requests.
      const half = request.length / 2
      const first = await this.#send(request.slice(0, half), bytes, failed)
      return [...first, ...(await this.#send(request.slice(half), bytes, failed))]
    }
  }

  /** A node that cannot prepare a statement again does not say why; the usual reason is that the table is gone. */
  async #explain(error: unknown): Promise<unknown> {
    const { connection, plan } = this.#options
    const isTableLost = failureOf(error) === 'unprepared' && (await readTable(connection, plan)) === null
    return isTableLost ? tableUnknown(plan) : asTableError(error, this.#id)
  }

  /** A write whose outcome is unknown is sent again: with the same timestamp it has no further effect. */
  async #sendWithRetries(request: Request, bytes: Buffer, failed: AbortSignal): Promise<void> {
    const { connection, inFlight, clock, random, plan, closed } = this.#options
    const [{ deleted, routingKey }] = request as readonly [EncodedRow, ...EncodedRow[]]
    const statement = this.#statement(deleted ? this.#delete : this.#upsert, request.length)
    const count = request.length * (1 + (deleted ? plan.primaryKey.length : plan.columns.length))
    const size = request.reduce((sum, { start, end }) => sum + end - start, 0)
    const options = { prepare: true, isIdempotent: true, ...(routingKey && { routingKey }) }
    const send = async () => {
      closed.throwIfAborted()
      failed.throwIfAborted()
      const values = new EncodedValues(count, piecesOf(request, bytes))
      try {
        await connection.client.execute(statement, values, options)
      } finally {
        values.release()
      }
    }
    for (let tries = 1; ; tries++) {
      try {
        await inFlight.run(size, send, isOverload)
        return
      } catch (error) {
        if (tries === connection.settings.tries || !isTransient(error)) throw error
        const pause = firstPauseMs * 2 ** (tries - 1)
        await clock.sleep(pause / 2 + (random.next() * pause) / 2, AbortSignal.any([closed, failed]))
      }
    }
  }

  #statement(single: string, count: number): string {
    let byCount = this.#repeated.get(single)
    if (byCount === undefined) {
      byCount = new Map()
      this.#repeated.set(single, byCount)
    }
    let statement = byCount.get(count)
    if (statement === undefined) {
      statement = repeated(single, count)
      byCount.set(count, statement)
    }
    return statement
  }

  #refuseIfClosed(): void {
    if (!this.#closed) return
    throw new MillraceError('INVARIANT_BROKEN', `${this.#id} was used after it was closed.`, { place: this.#id })
  }
}
