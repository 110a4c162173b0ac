import type { SQLInputValue } from 'node:sqlite'
import type { Checkpoint } from '../../../ports/table.ts'
import { MillraceError } from '../../../sdk/errors.ts'
import { guard, transaction } from '../database.ts'
import type { Keyspace } from './keyspace.ts'

const columns = 'table_name, stage, topic, partition, claimed, epoch, next, version'

/** The checkpoints of one stage for one table, kept in the file of the rows. */
export class CheckpointStore {
  readonly #keyspace: Keyspace
  readonly #table: string
  readonly #stage: string

  constructor(keyspace: Keyspace, table: string, stage: string) {
    this.#keyspace = keyspace
    this.#table = table
    this.#stage = stage
  }

  /** @throws MillraceError `PARTITION_LOST` if a newer epoch has claimed the partition. */
  claim(topic: string, partition: number, epoch: number): Checkpoint | null {
    const { database, path } = this.#keyspace
    return transaction(database, path, () => {
      this.#run(
        `INSERT INTO "$checkpoints" (${columns}) VALUES (?, ?, ?, ?, ?, NULL, NULL, NULL)
         ON CONFLICT DO UPDATE SET claimed = excluded.claimed WHERE excluded.claimed >= claimed`,
        { topic, partition, epoch },
      )
      return this.#select('AND topic = ? AND partition = ?', topic, partition)[0] ?? null
    })
  }

  /** For use within a transaction. @throws MillraceError `PARTITION_LOST` if a newer epoch has claimed the partition. */
  store(checkpoint: Checkpoint): void {
    const { epoch, next, version } = checkpoint
    this.#run(
      `INSERT INTO "$checkpoints" (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET claimed = excluded.claimed, epoch = excluded.epoch, next = excluded.next,
         version = excluded.version
       WHERE excluded.claimed >= claimed`,
      checkpoint,
      epoch,
      next,
      version,
    )
  }

  list(): readonly Checkpoint[] {
    return guard(this.#keyspace.path, () => this.#select(''))
  }

  #run(
    sql: string,
    { topic, partition, epoch }: Pick<Checkpoint, 'topic' | 'partition' | 'epoch'>,
    ...more: readonly number[]
  ): void {
    const { changes } = this.#keyspace.database
      .prepare(sql)
      .run(this.#table, this.#stage, topic, partition, epoch, ...more)
    if (changes === 1) return
    throw new MillraceError('PARTITION_LOST', `A newer epoch than ${epoch} has claimed ${topic}[${partition}].`, {
      place: `${topic}[${partition}]`,
    })
  }

  #select(condition: string, ...values: readonly SQLInputValue[]): readonly Checkpoint[] {
    return (
      this.#keyspace.database
        .prepare(
          `SELECT topic, partition, epoch, next, version FROM "$checkpoints"
         WHERE table_name = ? AND stage = ? AND next IS NOT NULL ${condition} ORDER BY topic, partition`,
        )
        .all(this.#table, this.#stage, ...values)
        // SQLite's rows have no prototype.
        .map(row => ({ ...row }) as unknown as Checkpoint)
    )
  }
}
