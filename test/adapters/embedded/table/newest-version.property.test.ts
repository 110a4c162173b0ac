import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Row } from '../../../../src/ports/table.ts'
import { checkpointAt, createUsers, openTables } from './tables.ts'
import { usersPlan } from './users-plan.ts'

/** A write of `name`, or a delete where it is undefined. */
interface Write {
  readonly id: string
  readonly name: string | null | undefined
  readonly version: number
}

const writes: fc.Arbitrary<readonly Write[]> = fc.array(
  fc.record({
    id: fc.constantFrom('a', 'b', 'c', 'd', 'é', 'ß'),
    name: fc.option(fc.option(fc.string({ maxLength: 4 })), { nil: undefined }),
    version: fc.integer({ min: 1, max: 1_000_000 }),
  }),
  { maxLength: 60 },
)

function toRow({ id, name, version }: Write): Row {
  return name === undefined
    ? { values: [id, null, null], version, deleted: true }
    : { values: [id, name, null], version }
}

/** Each key's write of the highest version, unless that is a delete. */
function model(all: readonly Write[]): Map<string, string | null> {
  const newest = new Map<string, Write>()
  for (const write of all) if ((newest.get(write.id)?.version ?? 0) < write.version) newest.set(write.id, write)
  return new Map([...newest.values()].flatMap(({ id, name }) => (name === undefined ? [] : [[id, name] as const])))
}

it('every row is its newest version, however the writes are batched, reordered and repeated (G2)', async () => {
  const arbitrary = fc
    .uniqueArray(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 60, maxLength: 60 })
    .chain(versions => writes.map(list => list.map((write, i) => ({ ...write, version: versions[i]! }))))
    .chain(list =>
      fc.record({
        list: fc.constant(list),
        arrival: fc.shuffledSubarray([...list, ...list], { minLength: list.length }),
        batchSize: fc.integer({ min: 1, max: 25 }),
      }),
    )
  const store = openTables()
  let run = 0
  await fc.assert(
    fc.asyncProperty(arbitrary, async ({ list, arrival, batchSize }) => {
      const plan = { ...usersPlan, name: `run_${run++}` }
      const table = await createUsers(store, plan)
      // Every write arrives at least once, some of them again.
      const all = [...arrival, ...list.filter(write => !arrival.includes(write))]
      for (let at = 0; at < all.length; at += batchSize) {
        await table.write(all.slice(at, at + batchSize).map(toRow), checkpointAt(at))
      }
      const { items } = await store.admin.rows(plan)
      expect(new Map(items.map(row => [row.id, row.first_name]))).toEqual(model(list))
    }),
    { numRuns: 60 },
  )
})
