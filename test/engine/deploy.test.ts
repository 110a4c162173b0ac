import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openEmbeddedLog } from '../../src/adapters/embedded/log/log.ts'
import { openEmbeddedOrchestrator } from '../../src/adapters/embedded/orchestrator/orchestrator.ts'
import { openEmbeddedRegistry } from '../../src/adapters/embedded/registry/registry.ts'
import { openEmbeddedTables } from '../../src/adapters/embedded/table/table-store.ts'
import { systemClock, systemRandom } from '../../src/adapters/system/clock.ts'
import { applyPlan, type DeployPorts, readDeployed } from '../../src/engine/deploy.ts'
import { http, pipeline, t, table, topic } from '../../src/index.ts'
import { compile } from '../../src/plan/compile.ts'
import { diff } from '../../src/plan/diff.ts'
import type { Plan } from '../../src/plan/plan.ts'
import type { Page } from '../../src/ports/paging.ts'
import { temporaryDirectory } from '../support.ts'
import { overriding } from './harness.ts'

interface Shop {
  readonly pipeline?: string
  readonly partitions?: number
  readonly retention?: '7d' | '1d'
  readonly schedule?: '@daily' | '@hourly'
  readonly id?: 'int' | 'text'
  /** A further field of the topic and column of the table. */
  readonly added?: 'optional' | 'required'
  readonly column?: 'optional' | 'required'
  readonly appendOnly?: boolean
  /** A second topic and table. */
  readonly refunds?: boolean
}

/** A pipeline in one of its versions. */
function shop(options: Shop = {}): Plan {
  const { partitions = 2, retention = '7d', schedule = '@daily', added, column = added, appendOnly = false } = options
  const id = options.id === 'int' ? t.int() : t.text()
  const more = (kind: 'optional' | 'required' | undefined) =>
    kind === undefined ? {} : { note: kind === 'optional' ? t.optional(t.text()) : t.text() }
  const order = t.record('Order', { id, total: t.decimal(10, 2), ...more(added) })
  const row = t.record('Row', { id, total: t.decimal(10, 2), ...more(column) })
  const orders = topic('orders', { key: 'id', value: order, partitions, retention })
  const placed = table('shop.placed', { row, primaryKey: ['id'], appendOnly })
  const from = http({ url: 'http://localhost/', schema: order })
  const declared = pipeline(options.pipeline ?? 'shop')
    .ingest('import_orders', { schedule, from, into: orders })
    .stream('place', { from: orders, into: placed, map: each => each as never })
  if (!options.refunds) return compile(declared)
  const refunds = topic('refunds', { key: 'id', value: order })
  return compile(
    declared
      .ingest('import_refunds', { schedule: null, from, into: refunds })
      .stream('refund', { from: refunds, into: table('shop.refunded', { row: order, primaryKey: ['id'] }) }),
  )
}

function openPorts(): DeployPorts {
  const directory = temporaryDirectory()
  const ports = {
    log: openEmbeddedLog({ path: join(directory, 'log.db'), clock: systemClock }),
    registry: openEmbeddedRegistry({ path: join(directory, 'registry.db') }),
    tables: openEmbeddedTables({ directory: join(directory, 'tables') }),
    orchestrator: openEmbeddedOrchestrator({
      path: join(directory, 'orchestrator.db'),
      clock: systemClock,
      random: systemRandom,
    }),
  }
  onTestFinished(async () => {
    for (const port of Object.values(ports)) await port.close()
  })
  return ports
}

async function all<T>(list: (page: { after?: string }) => Promise<Page<T>>): Promise<readonly T[]> {
  const items: T[] = []
  for (let after: string | null | undefined; after !== null; ) {
    const page: Page<T> = await list(after === undefined ? {} : { after })
    items.push(...page.items)
    after = page.next
  }
  return items
}

/** Everything that is in the four systems, whatever plan it came from. */
async function everything({ log, registry, tables, orchestrator }: DeployPorts) {
  const subjects = await all(page => registry.subjects(page))
  return {
    topics: await all(page => log.admin.topics(page)),
    schemas: await Promise.all(
      subjects.map(async subject => {
        const versions = await registry.versions(subject)
        return Promise.all(versions.map(version => registry.version(subject, version)))
      }),
    ),
    tables: await all(page => tables.admin.tables(page)),
    // When a run is next due depends on the time of day.
    dags: (await all(page => orchestrator.admin.dags(page))).map(({ plan, paused }) => ({ plan, paused })),
    runs: await all(page => orchestrator.admin.runs(page)),
  }
}

const actions = (steps: Awaited<ReturnType<typeof applyPlan>>) => [...new Set(steps.map(({ action }) => action))]

describe('applying a plan', () => {
  it('creates everything of it, and reads back as deployed', async () => {
    const ports = openPorts()
    const steps = await applyPlan(shop(), ports)
    expect(steps.map(({ action, kind, name }) => [action, kind, name])).toEqual([
      ['create', 'topic', 'orders'],
      ['create', 'dead-letter topic', 'orders.dlq'],
      ['create', 'subject', 'orders-value'],
      ['create', 'table', 'shop.placed'],
      ['create', 'dag', 'import_orders'],
    ])
    const { topics, schemas, tables, dags } = await everything(ports)
    expect(topics.map(({ name, partitions }) => [name, partitions])).toEqual([
      ['orders', 2],
      ['orders.dlq', 1],
    ])
    expect(schemas).toMatchObject([[{ subject: 'orders-value', version: 1 }]])
    expect(tables.map(({ keyspace, name }) => `${keyspace}.${name}`)).toEqual(['shop.placed'])
    expect(dags).toEqual([{ plan: shop().dags[0], paused: false }])
    expect(actions(diff(shop(), await readDeployed(shop(), ports)))).toEqual(['keep'])
  })

  it('changes nothing the second time (G8)', async () => {
    const ports = openPorts()
    for (const plan of [shop(), shop({ added: 'optional', partitions: 3, refunds: true })]) {
      await applyPlan(plan, ports)
      const before = await everything(ports)
      expect(actions(await applyPlan(plan, ports))).toEqual(['keep'])
      expect(await everything(ports)).toEqual(before)
    }
  })

  it('adds a nullable column, partitions, a schema version and a schedule to what is there', async () => {
    const ports = openPorts()
    await applyPlan(shop(), ports)
    const changed = shop({ added: 'optional', partitions: 5, retention: '1d', schedule: '@hourly' })
    expect(actions(await applyPlan(changed, ports))).toEqual(['change', 'keep'])
    const { topics, schemas, tables, dags } = await everything(ports)
    expect(topics[0]).toMatchObject({ partitions: 5, retentionMs: 86_400_000 })
    expect(schemas[0]!.map(({ version }) => version)).toEqual([1, 2])
    expect(tables[0]!.columns.map(({ name, nullable }) => [name, nullable])).toContainEqual(['note', true])
    expect(dags[0]!.plan.schedule).toBe('0 * * * *')
  })

  it('pauses the DAG of a stage that is no longer declared, and leaves its topic and table', async () => {
    const ports = openPorts()
    await applyPlan(shop({ refunds: true }), ports)
    await applyPlan(shop(), ports)
    const { topics, tables, dags } = await everything(ports)
    expect(dags.map(({ plan, paused }) => [plan.id, paused])).toEqual([
      ['import_orders', false],
      ['import_refunds', true],
    ])
    expect([topics.length, tables.length]).toEqual([4, 2])
  })

  /** Each comes with changes to every system that could be made. */
  it.each<[string, Shop]>([
    ['fewer partitions', { partitions: 1 }],
    ['a key of another type', { id: 'int' }],
    ['a required field in the topic', { added: 'required', column: 'optional' }],
    ['a required column in the table', { added: 'optional', column: 'required' }],
    ['a table that becomes append-only', { added: 'optional', appendOnly: true }],
    ['the DAG of another pipeline', { pipeline: 'stall', added: 'optional' }],
  ])('refuses %s before anything is changed anywhere (G8)', async (_, change) => {
    const ports = openPorts()
    await applyPlan(shop(), ports)
    const before = await everything(ports)
    const changed = shop({ retention: '1d', schedule: '@hourly', refunds: true, ...change })
    await expect(applyPlan(changed, ports)).rejects.toMatchObject({ code: 'PLAN_INCOMPATIBLE', retry: 'never' })
    expect(await everything(ports)).toEqual(before)
  })

  it('says every refusal at once', async () => {
    const ports = openPorts()
    await applyPlan(shop(), ports)
    const error = await applyPlan(shop({ partitions: 1, id: 'int' }), ports).catch(thrown => thrown)
    for (const name of ['topic orders', 'subject orders-value', 'table shop.placed'])
      expect(error.message).toContain(name)
  })

  it('does the rest when it is applied again after a failure at any step', async () => {
    const [first, second] = [shop(), shop({ added: 'optional', partitions: 3, schedule: '@hourly', refunds: true })]
    const whole = openPorts()
    for (const plan of [first, second]) await applyPlan(plan, whole)
    const expected = await everything(whole)

    let steps = 1
    for (let failed = true; failed; steps += 1) {
      const ports = openPorts()
      await applyPlan(first, ports)
      failed = await applyPlan(second, failingAt(steps, ports)).then(
        () => false,
        () => true,
      )
      await applyPlan(second, ports)
      expect(await everything(ports)).toEqual(expected)
    }
    expect(steps).toBeGreaterThan(8)
  })
})

/** Ports whose nth change of anything fails and is not made. */
function failingAt(nth: number, { log, registry, tables, orchestrator }: DeployPorts): DeployPorts {
  let changes = 0
  const change =
    <Args extends unknown[], T>(work: (...args: Args) => Promise<T>) =>
    async (...args: Args) => {
      changes += 1
      if (changes === nth) throw new Error('killed')
      return work(...args)
    }
  const logAdmin = overriding(log.admin, {
    createTopic: change(spec => log.admin.createTopic(spec)),
    alterTopic: change(spec => log.admin.alterTopic(spec)),
  })
  const tableAdmin = overriding(tables.admin, {
    create: change(table => tables.admin.create(table)),
    addColumns: change((table, columns) => tables.admin.addColumns(table, columns)),
  })
  return {
    log: overriding(log, { admin: logAdmin }),
    registry: overriding(registry, { register: change((...args) => registry.register(...args)) }),
    tables: overriding(tables, { admin: tableAdmin }),
    orchestrator: overriding(orchestrator, { deploy: change((...args) => orchestrator.deploy(...args)) }),
  }
}
