import type { Host } from 'cassandra-driver'
import type { TablePlan } from '../../plan/plan.ts'
import type { Row } from '../../ports/table.ts'
import { type Column, columnOf } from './columns.ts'
import type { Connection } from './connection.ts'
import { ValueWriter } from './value-writer.ts'

/** Which nodes hold a row. */
export interface Placement {
  /** What Cassandra hashes to place it. Its key has been written before, so it is one. */
  routingKeyOf(row: Row): Buffer
  /** The same object for rows that are held by the same nodes. */
  replicasOf(routingKey: Buffer): object
}

/** Null where all nodes hold all rows, or the cluster is not known yet. */
export function findPlacement(
  { client, settings }: Connection,
  plan: TablePlan,
  partitionColumns: number,
): Placement | null {
  const inDataCenter = ({ datacenter }: Host) => datacenter === settings.localDataCenter
  const nodes = client.hosts?.values().filter(inDataCenter).length ?? 0
  const some = client.getReplicas(plan.keyspace, Buffer.alloc(8)) as Host[] | null | undefined
  if (nodes < 2 || !some || some.filter(inDataCenter).length === nodes) return null
  const keyColumns = plan.primaryKey.slice(0, partitionColumns).map(name => {
    const index = plan.columns.findIndex(column => column.name === name)
    return { index, column: columnOf(plan.columns[index]!) }
  })
  const none = {}
  return {
    routingKeyOf: ({ values }) => routingKey(keyColumns.map(({ index, column }) => keyValue(values[index], column))),
    replicasOf: key => (client.getReplicas(plan.keyspace, key) as Host[] | null) ?? none,
  }
}

/** One value as it is, several each with its length and a zero byte. */
export function routingKey(values: readonly Buffer[]): Buffer {
  if (values.length === 1) return values[0]!
  const parts = values.flatMap(value => {
    const length = Buffer.alloc(2)
    length.writeUInt16BE(value.length)
    return [length, value, Buffer.of(0)]
  })
  return Buffer.concat(parts)
}

const usualBytes = 64

/** A value that its column accepts, in Cassandra's bytes. */
export function keyValue(value: unknown, column: Pick<Column, 'write'>): Buffer {
  const writer = new ValueWriter(usualBytes)
  column.write(value, writer)
  // Behind its length.
  return writer.bytes.subarray(4)
}
