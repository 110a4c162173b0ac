import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openHttpSource } from '../../../src/adapters/http/http-source.ts'
import type { SourcePage } from '../../../src/ports/source.ts'
import { compileParser, formatIssue } from '../../../src/sdk/parse.ts'
import { randomUser, randomUsers } from '../../../src/sdk/sources/random-users.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { virtualClock } from '../../../src/testing/virtual-clock.ts'
import { run, serve } from './server.ts'

// Kept beside the repository, not in it: pages fetched from the public API.
const directory = join(import.meta.dirname, '../../../../shared/data/randomuser')

describe('pages of the real randomuser API', () => {
  if (!existsSync(directory)) {
    it(`are left out: they are not at ${directory}`, () => {
      expect(existsSync(directory)).toBe(false)
    })
    return
  }

  it('all parse through the schema, read by the source', async () => {
    const pages = readdirSync(directory)
      .sort()
      .map(name => readFileSync(join(directory, name)))
    const server = await serve((request, response) => {
      const page = Number(new URL(request.url!, 'http://localhost').searchParams.get('page'))
      response.end(pages[page - 1] ?? '{"results":[]}')
    })
    onTestFinished(() => server.close())
    const { node } = randomUsers({ results: 100, pace: 'max' })
    const env = { RANDOM_USER_URL: server.url }
    const source = await openHttpSource(node, {
      clock: virtualClock({ auto: true }),
      random: seededRandom('real'),
      env,
    })
    onTestFinished(() => source.close())

    const read: SourcePage[] = []
    for await (const page of source.pages(run, null, new AbortController().signal)) read.push(page)
    const parse = compileParser(randomUser.node)
    const faults = read.flatMap(page => page.records.flatMap(({ value }) => parse(value).issues ?? []).map(formatIssue))
    expect(faults).toEqual([])
    expect(read.flatMap(page => page.records)).toHaveLength(1000)
  })
})
