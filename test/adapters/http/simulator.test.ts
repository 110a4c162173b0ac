import { describe, expect, it, onTestFinished } from 'vitest'
import { type SimulatorOptions, startSimulator } from '../../../src/adapters/http/simulator.ts'
import { nationalities } from '../../../src/adapters/http/simulator-data.ts'
import { startSimulatorThread } from '../../../src/adapters/http/simulator-thread.ts'
import { compileParser } from '../../../src/sdk/parse.ts'
import { type RandomUser, randomUser, randomUserNationalities } from '../../../src/sdk/sources/random-users.ts'

const parse = compileParser(randomUser.node)

describe('the simulator', () => {
  it('gives users that are what the schema of randomUsers says', async () => {
    const { users } = await get(await start(), 'results=2000&seed=a')
    expect(users.flatMap(user => parse(user).issues ?? [])).toEqual([])
    expect(new Set(users.map(user => user.nat)).size).toBe(randomUserNationalities.length)
    expect(Object.keys(nationalities)).toEqual([...randomUserNationalities])
  })

  it('has what the real API has: postcodes of both types, ids without value, names beyond ASCII', async () => {
    const { users } = await get(await start(), 'results=1000&seed=a')
    expect(new Set(users.map(user => typeof user.location.postcode))).toEqual(new Set(['number', 'string']))
    expect(users.filter(user => user.id.value === null).map(user => user.nat)).toContain('NZ')
    expect(users.some(user => /[^\0-\x7f]/.test(user.name.first))).toBe(true)
    expect(users.some(user => /[^\0-\x7f]/.test(user.email))).toBe(true)
  })

  it('gives the same bytes for the same seed, page and nationalities, in any order and from any process', async () => {
    const [one, other] = [await start(), await start({ seed: 'another' })]
    const queries = [3, 1, 2].map(page => `results=50&seed=s&nat=fr,de&page=${page}`)
    const first = await Promise.all(queries.map(query => text(one, query)))
    const second = await Promise.all(queries.toReversed().map(query => text(other, query)))
    expect(second.toReversed()).toEqual(first)
    expect(new Set(first).size).toBe(3)
  })

  it('gives no user twice in a seed', async () => {
    const url = await start()
    const pages = await Promise.all([1, 2, 3, 4].map(page => get(url, `results=5000&seed=s&page=${page}`)))
    const ids = pages.flatMap(({ users }) => users.map(user => user.login.uuid))
    expect(new Set(ids).size).toBe(20_000)
  })

  it('gives other users for another seed', async () => {
    const url = await start()
    expect((await get(url, 'seed=a')).users).not.toEqual((await get(url, 'seed=b')).users)
  })

  it('chooses nationalities and fields', async () => {
    const url = await start()
    const { users } = await get(url, 'results=100&nat=NO,es&inc=nat,gender,login&exc=login')
    expect(new Set(users.map(user => user.nat))).toEqual(new Set(['NO', 'ES']))
    expect(Object.keys(users[0]!)).toEqual(['gender', 'nat'])
  })

  it('says what it gave, unless told not to', async () => {
    const url = await start({ seed: 'mine' })
    expect((await get(url, 'results=3&page=2')).info).toEqual({ seed: 'mine', results: 3, page: 2, version: '1.4' })
    expect((await get(url, 'noinfo')).info).toBeUndefined()
  })

  it.each([
    ['results=5000', 5000, 1],
    ['results=5001', 1, 1],
    ['results=0', 1, 1],
    ['results=many', 1, 1],
    ['page=10000', 1, 10_000],
    ['page=10001', 1, 1],
    ['page=-1', 1, 1],
    ['nat=XX', 1, 1],
  ])('takes %s as the real API does: %i users, page %i', async (query, results, page) => {
    const answer = await get(await start(), query)
    expect(answer.users).toHaveLength(results)
    expect(answer.info).toMatchObject({ results, page })
  })

  it('is at /api/ and /api/1.4 only', async () => {
    const { origin } = new URL(await start())
    for (const path of ['/api', '/api/', '/api/1.4', '/api/1.4/']) expect((await fetch(origin + path)).status).toBe(200)
    for (const path of ['/', '/api/1.3', '/apis']) expect((await fetch(origin + path)).status).toBe(404)
    expect((await fetch(`${origin}/api/`, { method: 'POST' })).status).toBe(404)
  })

  it('refuses a port that is taken', async () => {
    const port = Number(new URL(await start()).port)
    await expect(startSimulator({ port })).rejects.toMatchObject({ code: 'PORT_IN_USE' })
    await expect(startSimulatorThread({ port })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      place: `127.0.0.1:${port}`,
    })
  })

  it('gives the same users from a thread, and is gone when closed', async () => {
    const simulator = await startSimulatorThread()
    expect(await text(simulator.url, 'results=20&seed=s')).toBe(await text(await start(), 'results=20&seed=s'))
    await simulator.close()
    await expect(fetch(simulator.url)).rejects.toThrow('fetch failed')
  })
})

describe('its faults', () => {
  it('strike at every n-th request', async () => {
    const url = await start({ faults: { status500Every: 3, status429Every: 4 } })
    const statuses = []
    for (let request = 1; request <= 12; request++) statuses.push((await fetch(url)).status)
    expect(statuses).toEqual([200, 200, 500, 429, 200, 500, 200, 429, 500, 200, 200, 429])
  })

  it('send what no client can use', async () => {
    expect(await text(await start({ faults: { errorEvery: 1 } }), '')).toMatch(/^{"error":/)
    expect(await text(await start({ faults: { htmlEvery: 1 } }), '')).toMatch(/^<!DOCTYPE html>/)
    const malformed = await text(await start({ faults: { malformedEvery: 1 } }), '')
    expect(() => JSON.parse(malformed)).toThrow()
    await expect(text(await start({ faults: { truncateEvery: 1 } }), '')).rejects.toThrow('terminated')
  })

  it('leave a request without an answer', async () => {
    const url = await start({ faults: { hangEvery: 1 } })
    await expect(fetch(url, { signal: AbortSignal.timeout(100) })).rejects.toThrow(/timeout/)
  })

  it('make every n-th record break the schema, the same ones every time', async () => {
    const url = await start({ faults: { badRecordEvery: 7 } })
    const bad = async (page: number) =>
      (await get(url, `results=10&page=${page}`)).users.flatMap((user, i) => (parse(user).issues ? [i] : []))
    expect([await bad(1), await bad(2), await bad(2), await bad(3)]).toEqual([[6], [3], [3], [0, 7]])
  })

  it('limit the users given in a window', async () => {
    const url = await start({ faults: { rateLimit: { users: 100, windowMs: 600_000 } } })
    expect((await fetch(`${url}?results=60`)).status).toBe(200)
    expect((await fetch(`${url}?results=60`)).status).toBe(200)
    const refused = await fetch(`${url}?results=1`)
    expect([refused.status, await refused.json()]).toEqual([429, { error: expect.stringContaining('120 users') }])
  })
})

async function start(options: SimulatorOptions = {}): Promise<string> {
  const simulator = await startSimulator(options)
  onTestFinished(() => simulator.close())
  return simulator.url
}

async function text(url: string, query: string): Promise<string> {
  return await (await fetch(`${url}?${query}`)).text()
}

async function get(
  url: string,
  query: string,
): Promise<{ readonly users: readonly RandomUser[]; readonly info: unknown }> {
  const { results, info } = JSON.parse(await text(url, query))
  return { users: results, info }
}
