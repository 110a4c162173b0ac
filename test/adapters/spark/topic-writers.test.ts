import { expect, it } from 'vitest'
import { topicWriters } from '../../../src/adapters/spark/topic-writers.ts'
import type { TopicPlan } from '../../../src/plan/plan.ts'
import type { SchemaRegistry } from '../../../src/ports/schema-registry.ts'
import { MillraceError } from '../../../src/sdk/errors.ts'

const avro = { type: 'record', name: 'Order', fields: [{ name: 'id', type: 'string' }] }
const topic = { subject: 'orders-value', avro } as unknown as TopicPlan

const registry = {
  versions: async () => [1, 2],
  version: async (_: string, version: number) => ({ id: version * 10 }),
  async byId(id: number) {
    if (id === 99) throw new MillraceError('SCHEMA_UNKNOWN', 'There is no schema 99.')
    if (id === 98) throw new MillraceError('REGISTRY_UNREACHABLE', 'No answer.')
    return { id, schema: avro, references: [] }
  },
} as unknown as SchemaRegistry

it('knows every version of the subject and the ids that were met', async () => {
  const writers = await topicWriters(topic, [7, 20], registry)
  expect([...writers.keys()]).toEqual([10, 20, 7])
  for (const writer of writers.values()) expect(writer.error).toBeUndefined()
})

it('makes dead letters of what the registry does not have, and none of what it cannot say', async () => {
  const writers = await topicWriters(topic, [99], registry)
  expect(writers.get(99)!.error).toMatchObject({ code: 'RECORD_UNDECODABLE' })
  await expect(topicWriters(topic, [98], registry)).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' })
})

it('does without a subject', async () => {
  const versions = async () => Promise.reject(new MillraceError('SUBJECT_UNKNOWN', 'There is none.'))
  expect([...(await topicWriters(topic, [7], { ...registry, versions })).keys()]).toEqual([7])
})
