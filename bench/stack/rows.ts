import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'cassandra-driver'

const table = 'spark_streams.created_users'
const checkpoints = 'spark_streams.millrace_checkpoints'
const pollMs = 10
const startLimitMs = 60_000
/** Of the ring, each counted by a statement of its own, so that none takes too long. */
const countedRanges = 256n

/** A reader of the table that shares no code with the programs that are measured. */
export class Rows {
  readonly #client: Client

  constructor(contactPoint: string) {
    this.#client = new Client({
      contactPoints: [contactPoint],
      localDataCenter: 'datacenter1',
      queryOptions: { prepare: true },
      socketOptions: { readTimeout: 60_000 },
    })
  }

  async clear(): Promise<void> {
    for (const name of [table, checkpoints]) await this.#client.execute(`TRUNCATE ${name}`)
  }

  async has(id: string): Promise<boolean> {
    return (await this.#client.execute(`SELECT id FROM ${table} WHERE id = ?`, [id])).rowLength === 1
  }

  /**
   * When some row can be read, in milliseconds of `performance.now()`; not a certain one, for some programs write the first
   * record of a partition last. Rejects once `signal` says so.
   */
  async any(signal: AbortSignal): Promise<number> {
    for (const until = performance.now() + startLimitMs; performance.now() < until; ) {
      const { rowLength } = await this.#client.execute(`SELECT id FROM ${table} LIMIT 1`)
      if (rowLength === 1) return performance.now()
      await delay(pollMs, undefined, { signal })
    }
    throw new Error(`No row within ${startLimitMs} ms.`)
  }

  /** When all of these rows can be read, in milliseconds of `performance.now()`. Rejects once `signal` says so. */
  async all(ids: readonly string[], signal: AbortSignal): Promise<number> {
    for (const id of ids) while (!(await this.has(id))) await delay(pollMs, undefined, { signal })
    return performance.now()
  }

  async count(): Promise<number> {
    const step = 2n ** 64n / countedRanges
    let rows = 0
    for (let from = -(2n ** 63n); from < 2n ** 63n; from += step) {
      const statement = `SELECT count(*) AS n FROM ${table} WHERE token(id) >= ? AND token(id) <= ?`
      const { n } = (await this.#client.execute(statement, [from.toString(), (from + step - 1n).toString()])).first()
      rows += Number(n)
    }
    return rows
  }

  close(): Promise<void> {
    return this.#client.shutdown()
  }
}
