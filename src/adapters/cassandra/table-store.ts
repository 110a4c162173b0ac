import { tableId } from '../../plan/plan.ts'
import type { Clock, Random } from '../../ports/clock.ts'
import type { TableStore } from '../../ports/table.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { CassandraConfig } from '../../sdk/targets/cassandra.ts'
import type { Surroundings } from '../system/settings-reader.ts'
import { CassandraTable } from './cassandra-table.ts'
import { CheckpointStore } from './checkpoints.ts'
import { Connection } from './connection.ts'
import { descriptionOf, differences, partitionColumnCount, tableUnknown } from './description.ts'
import { loadDriver } from './driver.ts'
import { InFlight } from './in-flight.ts'
import { createCheckpoints, readTable } from './schema.ts'
import { readSettings } from './settings.ts'
import { CassandraTableAdmin } from './table-admin.ts'

export interface CassandraTablesOptions extends Surroundings {
  readonly clock: Clock
  readonly random: Random
  /** Where the secrets are that the configuration names. */
}

/**
 * Tables in a Cassandra cluster. Nothing is connected before something is asked for, so a cluster that is down is an error
 * of the call (`DATABASE_UNREACHABLE`, try later), and the next call tries again.
 *
 * @throws MillraceError `CONFIG_INVALID`, also if the client library is not installed.
 */
export async function openCassandraTables(
  config: CassandraConfig,
  options: CassandraTablesOptions,
): Promise<TableStore> {
  const { clock, random } = options
  const settings = readSettings(config, options)
  const connection = new Connection(await loadDriver(), settings, clock)
  const inFlight = new InFlight({ requests: settings.requestsInFlight, bytes: settings.bytesInFlight })
  const closed = new AbortController()
  return {
    atomicCheckpoint: false,
    admin: new CassandraTableAdmin(connection),

    async open(plan, stage) {
      const found = await readTable(connection, plan)
      if (found === null) throw tableUnknown(plan)
      const differs = differences(plan, descriptionOf(found))
      if (differs.length > 0) {
        throw new MillraceError('PLAN_INCOMPATIBLE', `${tableId(plan)} is not as planned: ${differs.join('; ')}.`, {
          place: tableId(plan),
          fix: 'See `millrace plan`; `millrace apply` adds columns, other changes need a table of another name.',
        })
      }
      // A table that others made has none beside it yet.
      await createCheckpoints(connection, plan.keyspace)
      const checkpoints = new CheckpointStore(connection, plan.keyspace, plan.name, stage)
      const partitionColumns = partitionColumnCount(found)
      return new CassandraTable({
        ...{ connection, inFlight, plan, partitionColumns, checkpoints, clock, random },
        closed: closed.signal,
      })
    },

    async close() {
      closed.abort(new MillraceError('DATABASE_UNREACHABLE', 'The tables were closed.', { retry: 'never' }))
      await connection.close()
    },
  }
}
