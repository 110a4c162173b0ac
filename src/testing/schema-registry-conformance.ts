import assert from 'node:assert/strict'
import { type Compatibility, compatibilityLevels, type SchemaRegistry } from '../ports/schema-registry.ts'
import { type ErrorCode, MillraceError } from '../sdk/errors.ts'
import type { Json } from '../sdk/json.ts'
import type { ConformanceCase } from './conformance.ts'

export interface SchemaRegistryFixture {
  readonly registry: SchemaRegistry
  /** A second client of the same registry. */
  readonly other: SchemaRegistry
  /** Starts every subject a rule uses, so that a registry with other contents can be checked too. */
  readonly prefix: string
  /** Called after the rule was checked; closes both clients. */
  close(): Promise<void>
}

/**
 * What every schema registry does. It asks nothing that Confluent's own, Apicurio and the embedded one answer
 * differently: not how an incompatibility is worded, nor what becomes of an id after its last version is gone, nor
 * whether a doc, an alias or a default of null makes another schema, nor whether a soft-deleted schema still refers.
 */
export function schemaRegistryConformance(open: () => Promise<SchemaRegistryFixture>): readonly ConformanceCase[] {
  const rule = (
    rule: string,
    check: (registry: SchemaRegistry, subject: string, fixture: SchemaRegistryFixture) => Promise<void>,
  ): ConformanceCase => ({
    rule,
    async check() {
      const fixture = await open()
      try {
        await check(fixture.registry, `${fixture.prefix}users-value`, fixture)
      } finally {
        await fixture.close()
      }
    },
  })

  return [
    rule(
      'a first schema becomes version 1 and is found by id, version, latest and lookup',
      async (registry, subject) => {
        const { id, version, ...rest } = await registry.register(subject, user())
        assert.equal(version, 1)
        assert.equal(rest.subject, subject)
        assert.equal((await registry.byId(id)).id, id)
        assert.equal((await registry.version(subject, 1)).id, id)
        assert.equal((await registry.version(subject, 'latest')).id, id)
        assert.equal((await registry.lookup(subject, user()))?.version, 1)
        assert.deepEqual(await registry.versions(subject), [1])
      },
    ),

    rule('a schema comes back as it was given', async (registry, subject) => {
      const given = user([{ name: 'age', type: ['null', 'int'], doc: 'in years', default: null }])
      const { id } = await registry.register(subject, given)
      assert.deepEqual((await registry.byId(id)).schema, given)
      assert.deepEqual((await registry.version(subject, 1)).schema, given)
    }),

    rule('the same schema gives the same id and version, whatever its key order', async (registry, subject) => {
      const first = await registry.register(subject, {
        type: 'record',
        name: 'R',
        fields: [{ name: 'a', type: 'int' }],
      })
      const again = await registry.register(subject, {
        fields: [{ type: 'int', name: 'a' }],
        name: 'R',
        type: 'record',
      })
      assert.deepEqual([again.id, again.version], [first.id, first.version])
      assert.deepEqual(await registry.versions(subject), [1])
    }),

    rule('one schema has one id under all subjects', async (registry, subject) => {
      const first = await registry.register(subject, user())
      const second = await registry.register(`${subject}-2`, user())
      assert.equal(second.id, first.id)
      assert.equal(second.version, 1)
    }),

    rule('schemas that differ only in a default are different schemas', async (registry, subject) => {
      const ids = new Set<number>()
      for (const extra of [{}, { default: 'x' }, { default: 'y' }]) {
        ids.add((await registry.register(subject, user([{ name: 'a', type: 'string', ...extra }]))).id)
      }
      assert.equal(ids.size, 3)
      assert.deepEqual(await registry.versions(subject), [1, 2, 3])
    }),

    rule('versions are listed in ascending order and the latest is the last', async (registry, subject) => {
      await registry.register(subject, user())
      await registry.register(subject, user([optionalAge]))
      const third = await registry.register(subject, user([optionalAge, optional('city')]))
      assert.deepEqual(await registry.versions(subject), [1, 2, 3])
      assert.equal((await registry.version(subject, 'latest')).id, third.id)
    }),

    rule('lookup of what is not registered gives null', async (registry, subject) => {
      assert.equal(await registry.lookup(subject, user()), null)
      await registry.register(subject, user())
      assert.equal(await registry.lookup(subject, user([optionalAge])), null)
    }),

    rule('an unknown id, subject or version is told apart', async (registry, subject) => {
      await fails('SCHEMA_UNKNOWN', registry.byId(2 ** 31 - 1))
      await fails('SUBJECT_UNKNOWN', registry.versions(subject))
      await fails('SUBJECT_UNKNOWN', registry.version(subject, 'latest'))
      await fails('SUBJECT_UNKNOWN', registry.version(subject, 1))
      await fails('SUBJECT_UNKNOWN', registry.deleteSubject(subject))
      await registry.register(subject, user())
      await fails('SCHEMA_VERSION_UNKNOWN', registry.version(subject, 2))
      await fails('SCHEMA_VERSION_UNKNOWN', registry.deleteVersion(subject, 2))
    }),

    ...invalidSchemas.map(([what, schema]) =>
      rule(`a schema with ${what} is refused`, async (registry, subject) => {
        await fails('SCHEMA_INVALID', registry.register(subject, schema))
        await fails('SUBJECT_UNKNOWN', registry.versions(subject))
      }),
    ),

    ...evolutions.map(({ level, what, history, next, accepted }) =>
      rule(`${level} ${accepted ? 'accepts' : 'refuses'} ${what}`, async (registry, subject) => {
        await registry.setCompatibility('NONE', subject)
        for (const schema of history) await registry.register(subject, schema)
        await registry.setCompatibility(level, subject)
        const problems = await registry.check(subject, next)
        assert.equal(problems.length === 0, accepted, JSON.stringify(problems))
        if (accepted) {
          assert.equal((await registry.register(subject, next)).version, history.length + 1)
        } else {
          await fails('SCHEMA_INCOMPATIBLE', registry.register(subject, next))
          assert.equal((await registry.versions(subject)).length, history.length)
        }
      }),
    ),

    rule('checking a schema registers nothing, and a first schema always passes', async (registry, subject) => {
      assert.deepEqual(await registry.check(subject, user()), [])
      await fails('SUBJECT_UNKNOWN', registry.versions(subject))
      await registry.register(subject, user())
      assert.deepEqual(await registry.check(subject, user([optionalAge])), [])
      assert.deepEqual(await registry.versions(subject), [1])
    }),

    rule("a subject's own level comes before the global one until it is taken away", async (registry, subject) => {
      const global = await registry.compatibility()
      const own = global === 'FULL' ? 'NONE' : 'FULL'
      await registry.setCompatibility(own, subject)
      assert.equal(await registry.compatibility(subject), own)
      assert.equal(await registry.compatibility(), global)
      await registry.setCompatibility(null, subject)
      assert.equal(await registry.compatibility(subject), global)
    }),

    rule('what is none of the seven levels is refused', async (registry, subject) => {
      await fails('COMPATIBILITY_INVALID', registry.setCompatibility('SIDEWAYS' as Compatibility, subject))
    }),

    rule('a soft-deleted version is hidden, and its id still gives its schema', async (registry, subject) => {
      const first = await registry.register(subject, user())
      const second = await registry.register(subject, user([optionalAge]))
      await registry.deleteVersion(subject, 2)
      assert.deepEqual(await registry.versions(subject), [1])
      assert.equal((await registry.version(subject, 'latest')).id, first.id)
      await fails('SCHEMA_VERSION_UNKNOWN', registry.version(subject, 2))
      assert.equal(await registry.lookup(subject, user([optionalAge])), null)
      assert.equal((await registry.byId(second.id)).id, second.id)
    }),

    rule('a soft-deleted subject is hidden, and listed only on request', async (registry, subject) => {
      const { id } = await registry.register(subject, user())
      assert.deepEqual(await registry.deleteSubject(subject), [1])
      await fails('SUBJECT_UNKNOWN', registry.versions(subject))
      assert.equal((await allSubjects(registry, false)).includes(subject), false)
      assert.equal((await allSubjects(registry, true)).includes(subject), true)
      assert.equal((await registry.byId(id)).id, id)
    }),

    rule(
      'a version number is not given again after a soft delete; a schema keeps its id',
      async (registry, subject) => {
        const first = await registry.register(subject, user())
        await registry.deleteSubject(subject)
        const again = await registry.register(subject, user())
        assert.equal(again.id, first.id)
        assert.equal(again.version, 2)
        assert.deepEqual(await registry.versions(subject), [2])
      },
    ),

    rule('a soft-deleted version is not compared with', async (registry, subject) => {
      await registry.setCompatibility('BACKWARD', subject)
      await registry.register(subject, user([{ name: 'age', type: 'string', default: '' }]))
      await fails('SCHEMA_INCOMPATIBLE', registry.register(subject, user([{ name: 'age', type: 'int', default: 0 }])))
      await registry.deleteSubject(subject)
      const { version } = await registry.register(subject, user([{ name: 'age', type: 'int', default: 0 }]))
      assert.equal(version, 2)
    }),

    rule('deleting for good requires a soft delete before', async (registry, subject) => {
      await registry.register(subject, user())
      await fails('SUBJECT_NOT_SOFT_DELETED', registry.deleteSubject(subject, { permanent: true }))
      await fails('SUBJECT_NOT_SOFT_DELETED', registry.deleteVersion(subject, 1, { permanent: true }))
      assert.deepEqual(await registry.versions(subject), [1])
      await registry.deleteSubject(subject)
      assert.deepEqual(await registry.deleteSubject(subject, { permanent: true }), [1])
      assert.equal((await allSubjects(registry, true)).includes(subject), false)
    }),

    rule('a schema can use types of the versions it refers to', async (registry, subject) => {
      const reference = { name: 'shop.Address', subject: `${subject}-address`, version: 1 }
      await registry.register(reference.subject, address)
      const { id } = await registry.register(subject, customer, [reference])
      assert.deepEqual((await registry.byId(id)).references, [reference])
      assert.equal((await registry.lookup(subject, customer, [reference]))?.id, id)
      assert.deepEqual(await registry.check(subject, customer, [reference]), [])
    }),

    rule('a reference to what is not registered is refused', async (registry, subject) => {
      const reference = { name: 'shop.Address', subject: `${subject}-address`, version: 1 }
      await fails('SCHEMA_INVALID', registry.register(subject, customer, [reference]))
    }),

    rule('what another schema refers to cannot be deleted', async (registry, subject) => {
      const reference = { name: 'shop.Address', subject: `${subject}-address`, version: 1 }
      await registry.register(reference.subject, address)
      await registry.register(subject, customer, [reference])
      await fails('SCHEMA_REFERENCED', registry.deleteVersion(reference.subject, 1))
      await fails('SCHEMA_REFERENCED', registry.deleteSubject(reference.subject))
      await registry.deleteSubject(subject)
      await registry.deleteSubject(subject, { permanent: true })
      assert.deepEqual(await registry.deleteSubject(reference.subject), [1])
    }),

    rule('subjects are listed a page at a time, each once', async (registry, subject) => {
      const names = [1, 2, 3, 4, 5].map(each => `${subject}-${each}`)
      for (const name of names) await registry.register(name, user())
      const first = await registry.subjects({ limit: 2 })
      assert.equal(first.items.length, 2)
      assert.notEqual(first.next, null)
      const listed = await allSubjects(registry, false)
      assert.deepEqual(listed.filter(name => names.includes(name)).toSorted(), names)
      assert.equal(new Set(listed).size, listed.length)
    }),

    rule('what one client registers another sees at once', async (registry, subject, { other }) => {
      const { id } = await registry.register(subject, user())
      assert.equal((await other.byId(id)).id, id)
      assert.deepEqual(await other.versions(subject), [1])
      await other.deleteSubject(subject)
      await fails('SUBJECT_UNKNOWN', registry.versions(subject))
    }),

    rule('one schema registered by many at once has one id and one version', async (registry, subject, { other }) => {
      const clients = [registry, other, registry, other]
      const found = await Promise.all(clients.map(client => client.register(subject, user())))
      assert.equal(new Set(found.map(({ id }) => id)).size, 1)
      assert.deepEqual(await registry.versions(subject), [1])
    }),
  ]
}

function user(more: readonly Json[] = []): Json {
  return { type: 'record', name: 'User', fields: [{ name: 'id', type: 'string' }, ...more] }
}

function optional(name: string): Json {
  return { name, type: ['null', 'string'], default: null }
}

const optionalAge: Json = { name: 'age', type: 'int', default: 0 }
const requiredAge: Json = { name: 'age', type: 'int' }

const address: Json = {
  type: 'record',
  name: 'Address',
  namespace: 'shop',
  fields: [{ name: 'city', type: 'string' }],
}

const customer: Json = {
  type: 'record',
  name: 'Customer',
  namespace: 'shop',
  fields: [{ name: 'address', type: 'shop.Address' }],
}

const invalidSchemas: readonly (readonly [what: string, schema: Json])[] = [
  ['an unknown type', user([{ name: 'a', type: 'nothing' }])],
  ['a field without type', user([{ name: 'a' }])],
  ['two fields of one name', user([{ name: 'id', type: 'int' }])],
  ['a record without name', { type: 'record', fields: [] }],
  ['a record without fields', { type: 'record', name: 'R' }],
  ['a name that starts with a digit', { type: 'record', name: '1R', fields: [] }],
  ['a union directly inside a union', user([{ name: 'a', type: ['null', ['int', 'string']] }])],
  ['a type twice in a union', user([{ name: 'a', type: ['int', 'int'] }])],
  ['an enum symbol twice', { type: 'enum', name: 'E', symbols: ['A', 'A'] }],
  ['a default of another type', user([{ name: 'a', type: 'int', default: 'one' }])],
]

interface Evolution {
  readonly level: Compatibility
  readonly what: string
  readonly history: readonly Json[]
  readonly next: Json
  readonly accepted: boolean
}

const evolutions: readonly Evolution[] = [
  ...accepting(compatibilityLevels, 'a new field with a default', [user()], user([optionalAge])),
  ...accepting(['FORWARD', 'FORWARD_TRANSITIVE', 'NONE'], 'a new field without default', [user()], user([requiredAge])),
  ...accepting(
    ['BACKWARD', 'BACKWARD_TRANSITIVE', 'NONE'],
    'the loss of a field without default',
    [user([requiredAge])],
    user(),
  ),
  ...accepting(
    ['NONE'],
    'a field of another type',
    [user([{ name: 'a', type: 'int' }])],
    user([{ name: 'a', type: 'string' }]),
  ),
  ...accepting(
    ['NONE', 'BACKWARD', 'FORWARD', 'FULL', 'FORWARD_TRANSITIVE'],
    'a default taken away again that the first version needs',
    [user(), user([optionalAge])],
    user([requiredAge]),
  ),
  ...accepting(
    ['NONE', 'BACKWARD', 'FORWARD', 'FULL', 'BACKWARD_TRANSITIVE'],
    'the loss of a field that the first version needs',
    [user([requiredAge]), user([optionalAge])],
    user(),
  ),
]

/** The same change under all seven levels. */
function accepting(levels: readonly Compatibility[], what: string, history: readonly Json[], next: Json): Evolution[] {
  return compatibilityLevels.map(level => ({ level, what, history, next, accepted: levels.includes(level) }))
}

async function fails(code: ErrorCode, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof MillraceError, String(error))
    assert.equal(error.code, code, error.message)
    return true
  })
}

async function allSubjects(registry: SchemaRegistry, deleted: boolean): Promise<readonly string[]> {
  const names: string[] = []
  for (let after: string | undefined; ; ) {
    const page = await registry.subjects({ deleted, limit: 2, ...(after === undefined ? {} : { after }) })
    names.push(...page.items)
    if (page.next === null) return names
    after = page.next
  }
}
