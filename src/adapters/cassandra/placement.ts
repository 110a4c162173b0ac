import type { Host } from 'cassandra-driver'
import type { TablePlan } from '../../plan/plan.ts'
import { type CqlType, columnOf } from './columns.ts'
import type { Connection } from './connection.ts'
import type { Driver } from './driver.ts'
import type { ReplicasOf } from './requests.ts'
import type { EncodedRow } from './row-encoder.ts'

/** Finds the nodes that hold a row; null where all nodes hold all rows, or the cluster is not known yet. */
export function replicaFinder(
  { client, driver, settings }: Connection,
  plan: TablePlan,
  partitionColumns: number,
): ReplicasOf | null {
  const inDataCenter = ({ datacenter }: Host) => datacenter === settings.localDataCenter
  const nodes = client.hosts?.values().filter(inDataCenter).length ?? 0
  const some = client.getReplicas(plan.keyspace, Buffer.alloc(8)) as Host[] | null | undefined
  if (nodes < 2 || !some || some.filter(inDataCenter).length === nodes) return null
  const keyColumns = plan.primaryKey.slice(0, partitionColumns).map(name => {
    const index = plan.columns.findIndex(column => column.name === name)
    return { index, inKey: plan.primaryKey.indexOf(name), type: columnOf(plan.columns[index]!).cqlType }
  })
  const none = {}
  return row => {
    const values = keyColumns.map(({ index, inKey, type }) =>
      // The version comes before the key of a delete.
      encodeKeyValue(row.parameters[row.deleted ? 1 + inKey : index], type, driver),
    )
    return (client.getReplicas(plan.keyspace, routingKey(values)) as Host[] | null) ?? none
  }
}

/** What Cassandra hashes to place a row: one value as it is, several each with its length and a zero byte. */
export function routingKey(values: readonly Buffer[]): Buffer {
  if (values.length === 1) return values[0]!
  const parts = values.flatMap(value => {
    const length = Buffer.alloc(2)
    length.writeUInt16BE(value.length)
    return [length, value, Buffer.of(0)]
  })
  return Buffer.concat(parts)
}

/** A value that its column accepts, in Cassandra's bytes. */
export function encodeKeyValue(value: EncodedRow['parameters'][number], type: CqlType, { types }: Driver): Buffer {
  switch (type) {
    case 'text':
      return Buffer.from(value as string)
    case 'uuid':
      return types.Uuid.fromString(value as string).getBuffer()
    case 'boolean':
      return Buffer.of(value === true ? 1 : 0)
    case 'int': {
      const bytes = Buffer.alloc(4)
      bytes.writeInt32BE(value as number)
      return bytes
    }
    case 'double': {
      const bytes = Buffer.alloc(8)
      bytes.writeDoubleBE(value as number)
      return bytes
    }
    case 'bigint':
    case 'timestamp': {
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64BE(BigInt(Number(value)))
      return bytes
    }
    case 'decimal':
      return types.BigDecimal.toBuffer(types.BigDecimal.fromString(value as string))
  }
}
