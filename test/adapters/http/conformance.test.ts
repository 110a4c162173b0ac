import { describe, it } from 'vitest'
import { openHttpSource } from '../../../src/adapters/http/http-source.ts'
import { startSimulator } from '../../../src/adapters/http/simulator.ts'
import { systemClock } from '../../../src/adapters/system/clock.ts'
import { type HttpPaging, http } from '../../../src/sdk/sources/http.ts'
import { randomUsers } from '../../../src/sdk/sources/random-users.ts'
import { t } from '../../../src/sdk/types.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { type SourceFixture, sourceConformance } from '../../../src/testing/source-conformance.ts'
import { json, run, serve } from './server.ts'

const order = t.record('Order', { id: t.int() })
const pageSize = 10
const options = { clock: systemClock, random: seededRandom('conformance'), env: {} }

describe('randomUsers, against the simulator', () => {
  for (const { rule, check } of sourceConformance(openUsers)) it(rule, check)
})

describe.each<HttpPaging>([
  { kind: 'number', parameter: 'page' },
  { kind: 'number', parameter: 'page', start: 0, last: 3 },
  { kind: 'offset', parameter: 'from' },
  { kind: 'cursor', parameter: 'after', path: 'meta.next' },
])('http, with pages by $kind', page => {
  for (const { rule, check } of sourceConformance(() => openOrders(page))) it(rule, check)
})

async function openUsers(): Promise<SourceFixture> {
  const simulator = await startSimulator()
  const { node } = randomUsers({ results: pageSize, pace: 'max' })
  const source = await openHttpSource(node, { ...options, env: { RANDOM_USER_URL: simulator.url } })
  const close = async () => {
    await source.close()
    await simulator.close()
  }
  return { source, run, maxPageRecords: pageSize, fetched: null, close }
}

/** An API of 35 orders in pages of ten, in each of the ways that APIs page. */
async function openOrders(page: HttpPaging): Promise<SourceFixture> {
  const orders = Array.from({ length: 35 }, (_, id) => ({ id }))
  const server = await serve((request, response) => {
    const query = new URL(request.url!, 'http://localhost').searchParams
    const first = page.kind === 'number' ? (page.start ?? 1) : 0
    const from =
      page.kind === 'number'
        ? (Number(query.get('page')) - first) * pageSize
        : Number((query.get('from') ?? query.get('after') ?? 'at 0').replace('at ', ''))
    const next = from + pageSize < orders.length ? `at ${from + pageSize}` : null
    json(response, { data: orders.slice(from, from + Number(query.get('limit'))), meta: { next } })
  })
  const { node } = http({
    url: `${server.url}/orders`,
    records: 'data',
    page,
    size: { parameter: 'limit', value: pageSize },
    seed: { parameter: 'seed' },
    schema: order,
  })
  const source = await openHttpSource(node, options)
  const close = async () => {
    await source.close()
    await server.close()
  }
  return { source, run, maxPageRecords: pageSize, fetched: () => server.requests.length, close }
}
