import { tableId } from '../../../plan/plan.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Table, TableStore } from '../../../ports/table.ts'
import { MillraceError } from '../../../sdk/errors.ts'
import { systemClock } from '../../system/clock.ts'
import { guard } from '../database.ts'
import { differences, tableUnknown } from './description.ts'
import { EmbeddedTable } from './embedded-table.ts'
import { OpenKeyspaces, readDescription } from './keyspace.ts'
import { EmbeddedTableAdmin } from './table-admin.ts'

export interface EmbeddedTablesOptions {
  /** Holds one SQLite file a keyspace; created with the first table. */
  readonly directory: string
  /** A row with more text than this, in bytes of UTF-8, is rejected. Default 16 MiB, as Cassandra has it. */
  readonly maxRowBytes?: number
  /** A query still giving rows after this many milliseconds is ended. Default 30,000. */
  readonly queryTimeoutMs?: number
  /** Default: the system's. */
  readonly clock?: Clock
}

/**
 * Tables in SQLite files: `<directory>/<keyspace>.db`. Several processes and threads may have the same directory open; one
 * writes a keyspace at a time, the others wait for their turn (`STORAGE_BUSY` after 5 seconds), and readers never wait.
 */
export function openEmbeddedTables(options: EmbeddedTablesOptions): TableStore {
  const { directory, maxRowBytes = 16 * 1024 * 1024, queryTimeoutMs = 30_000, clock = systemClock } = options
  const keyspaces = new OpenKeyspaces(directory)
  return {
    atomicCheckpoint: true,
    admin: new EmbeddedTableAdmin({ directory, keyspaces, queryTimeoutMs, clock }),

    async open(plan, stage): Promise<Table> {
      const keyspace = keyspaces.existing(plan.keyspace)
      const found = keyspace === null ? null : readDescription(keyspace, plan.name)
      if (keyspace === null || found === null) throw tableUnknown(plan)
      const differs = differences(plan, found)
      if (differs.length > 0) {
        throw new MillraceError('PLAN_INCOMPATIBLE', `${tableId(plan)} is not as planned: ${differs.join('; ')}.`, {
          place: tableId(plan),
          fix: 'See `millrace plan`; `millrace apply` adds columns, other changes need a table of another name.',
        })
      }
      return guard(keyspace.path, () => new EmbeddedTable({ keyspace, plan, stage, maxRowBytes }))
    },

    async close() {
      keyspaces.close()
    },
  }
}
