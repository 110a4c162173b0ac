import cassandra from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import type { Connection } from '../../../src/adapters/cassandra/connection.ts'
import { findPlacement } from '../../../src/adapters/cassandra/placement.ts'
import type { TablePlan } from '../../../src/plan/plan.ts'

const plan: TablePlan = {
  keyspace: 'k',
  name: 't',
  columns: [
    { name: 'label', type: { kind: 'text' }, nullable: true },
    { name: 'id', type: { kind: 'int' }, nullable: false },
  ],
  primaryKey: ['id'],
  appendOnly: false,
}

const node = (address: string, datacenter = 'dc1') => ({ address, datacenter })
const [one, two, far] = [node('one'), node('two'), node('far', 'dc2')]

/** A cluster that places a row by the last bit of its key. */
function cluster(nodes: readonly object[], replicas: readonly (readonly object[])[] | null): Connection {
  const client = {
    hosts: { values: () => nodes },
    getReplicas: (_: string, key: Buffer) => (replicas === null ? null : replicas[key.at(-1)! % replicas.length]),
  }
  return { client, driver: cassandra, settings: { localDataCenter: 'dc1' } } as unknown as Connection
}

describe('the replicas of a row', () => {
  const [even, odd] = [
    [one, far],
    [two, far],
  ]

  it('are found by its key, for upserts and deletes alike', () => {
    const { routingKeyOf, replicasOf } = findPlacement(cluster([one, two, far], [even, odd]), plan, 1)!
    const [a, b, c] = [
      { values: ['a', 2], version: 1 },
      { values: ['b', 3], version: 1 },
      { values: [null, 2], version: 1, deleted: true },
    ].map(row => replicasOf(routingKeyOf(row)))
    expect([a, b, c]).toEqual([even, odd, even])
    expect(a).toBe(c)
  })

  it('are not looked for where every node of the data centre has every row', () => {
    expect(findPlacement(cluster([one], [[one]]), plan, 1)).toBeNull()
    expect(findPlacement(cluster([one, two, far], [[one, two, far]]), plan, 1)).toBeNull()
  })

  it('are not looked for before the cluster is known', () => {
    expect(findPlacement(cluster([one, two], null), plan, 1)).toBeNull()
  })
})
