import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MillraceError } from '../../sdk/errors.ts'
import { createDirectory, onFileSystem, writeWholeFile } from '../system/file-system.ts'

/** What a process has to know of a stage's query that another one started. */
export interface StageRecord {
  /** `host:port` of the server. */
  readonly server: string
  /** The session that the query belongs to: only there it can be seen. */
  readonly session: string
  /** Null while it is being started. */
  readonly query: { readonly id: string; readonly runId: string } | null
  /** Of everything that the query was made from; another one asks for another query. */
  readonly digest: string
  /** Whether it is to go on when the process that watches it ends. */
  readonly deployed: boolean
  /** Schema ids of records that are under no version of the topic's subject. */
  readonly schemaIds: readonly number[]
}

/** The records of stages: a small file each in the state directory, written as a whole. */
export class StageRecords {
  readonly #directory: string

  /** @param directory created with the first record */
  constructor(directory: string) {
    this.#directory = directory
  }

  /** @throws MillraceError `STATE_CORRUPT`. */
  read(stage: string): StageRecord | null {
    const path = this.#path(stage)
    if (!existsSync(path)) return null
    const text = onFileSystem(path, () => readFileSync(path, 'utf8'))
    try {
      const record = JSON.parse(text) as StageRecord
      if (typeof record.session === 'string' && Array.isArray(record.schemaIds)) return record
    } catch {
      // Said below.
    }
    throw new MillraceError('STATE_CORRUPT', `What is kept of the query of ${stage} is damaged.`, {
      place: path,
      fix: 'Delete the file: the next start takes the query over by its checkpoint.',
    })
  }

  write(stage: string, record: StageRecord): void {
    createDirectory(this.#directory)
    writeWholeFile(this.#path(stage), `${JSON.stringify(record, null, 2)}\n`)
  }

  #path(stage: string): string {
    return join(this.#directory, `${stage.replace('/', '.')}.json`)
  }
}
