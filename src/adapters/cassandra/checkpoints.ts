import type { Checkpoint } from '../../ports/table.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { Connection } from './connection.ts'
import { quote } from './statements.ts'
import { plainValue } from './values.ts'

/** Beside the tables of each keyspace. */
export const checkpointsTable = 'millrace_checkpoints'

/** Of stages that run on Spark; its sink writes it. */
export const sparkCheckpointsTable = 'millrace_spark_checkpoints'

/**
 * One row for each epoch that claimed a partition; the highest is the owner. A former owner that goes on writing only writes its
 * own row, so nothing here needs a lightweight transaction.
 */
export function createCheckpointsStatement(keyspace: string): string {
  return `CREATE TABLE IF NOT EXISTS ${quote(keyspace)}.${quote(checkpointsTable)} (
    table_name text, stage text, topic text, "partition" int, epoch bigint, next bigint, version bigint,
    PRIMARY KEY ((table_name, stage), topic, "partition", epoch)
  ) WITH CLUSTERING ORDER BY (topic ASC, "partition" ASC, epoch DESC)
    AND comment = 'Where the stages of Millrace stand, for people and as a last resort: the log''s commits decide.'`
}

interface StoredCheckpoint {
  readonly topic: string
  readonly partition: number
  readonly epoch: number
  /** Null: claimed, and nothing written yet. */
  readonly next: number | null
  readonly version: number | null
}

/**
 * The checkpoints of one stage for one table. They are written after the rows and are not fenced: the log refuses the commit of a
 * former owner, and the versions of its rows make its writes harmless.
 */
export class CheckpointStore {
  readonly #connection: Connection
  readonly #table: string
  readonly #stage: string
  readonly #target: string

  constructor(connection: Connection, keyspace: string, table: string, stage: string) {
    this.#connection = connection
    this.#table = table
    this.#stage = stage
    this.#target = `${quote(keyspace)}.${quote(checkpointsTable)}`
  }

  /** @throws MillraceError `PARTITION_LOST` if a newer epoch has claimed the partition. */
  async claim(topic: string, partition: number, epoch: number): Promise<Checkpoint | null> {
    await this.#execute(
      `INSERT INTO ${this.#target} (table_name, stage, topic, "partition", epoch) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP 1`,
      [topic, partition, epoch],
    )
    const stored = await this.#select('AND topic = ? AND "partition" = ?', [topic, partition])
    const owner = stored[0]?.epoch ?? epoch
    if (owner > epoch) {
      throw new MillraceError('PARTITION_LOST', `A newer epoch than ${epoch} has claimed ${topic}[${partition}].`, {
        place: `${topic}[${partition}]`,
      })
    }
    const last = stored.find(isWritten)
    if (last !== undefined && stored.at(-1) !== last) await this.#forgetBefore(last)
    return last ?? null
  }

  async store(checkpoints: readonly Checkpoint[]): Promise<void> {
    // Their number is that of the partitions in one write.
    await Promise.all(checkpoints.map(checkpoint => this.#storeOne(checkpoint)))
  }

  /** The newest of each partition. */
  async list(): Promise<readonly Checkpoint[]> {
    const newest = new Map<string, Checkpoint>()
    for (const stored of await this.#select('', [])) {
      const partition = JSON.stringify([stored.topic, stored.partition])
      if (isWritten(stored) && !newest.has(partition)) newest.set(partition, stored)
    }
    return [...newest.values()]
  }

  /** The version is the write timestamp here too: it grows along the partition within an epoch. */
  async #storeOne({ topic, partition, epoch, next, version }: Checkpoint): Promise<void> {
    await this.#connection.execute(
      `UPDATE ${this.#target} USING TIMESTAMP ? SET next = ?, version = ?
       WHERE table_name = ? AND stage = ? AND topic = ? AND "partition" = ? AND epoch = ?`,
      [Math.max(1, version), next, version, this.#table, this.#stage, topic, partition, epoch],
    )
  }

  async #forgetBefore({ topic, partition, epoch }: Checkpoint): Promise<void> {
    await this.#execute(
      `DELETE FROM ${this.#target} WHERE table_name = ? AND stage = ? AND topic = ? AND "partition" = ? AND epoch < ?`,
      [topic, partition, epoch],
    )
  }

  async #select(condition: string, values: readonly unknown[]): Promise<readonly StoredCheckpoint[]> {
    const result = await this.#execute(
      `SELECT topic, "partition", epoch, next, version FROM ${this.#target} WHERE table_name = ? AND stage = ? ${condition}`,
      values,
    )
    const { types } = this.#connection.driver
    const columns = ['topic', 'partition', 'epoch', 'next', 'version'] as const
    return result.rows.map(
      row =>
        Object.fromEntries(columns.map(name => [name, plainValue(row[name], types)])) as unknown as StoredCheckpoint,
    )
  }

  #execute(statement: string, values: readonly unknown[]) {
    return this.#connection.execute(statement, [this.#table, this.#stage, ...values])
  }
}

function isWritten(stored: StoredCheckpoint): stored is Checkpoint {
  return stored.next !== null && stored.version !== null
}
