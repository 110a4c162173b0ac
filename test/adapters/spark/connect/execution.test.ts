import { describe, expect, it } from 'vitest'
import { SparkError } from '../../../../src/adapters/spark/connect/errors.ts'
import { execute } from '../../../../src/adapters/spark/connect/execution.ts'
import type { Transport } from '../../../../src/adapters/spark/connect/transport.ts'
import { seededRandom } from '../../../../src/adapters/system/seeded-random.ts'
import { virtualClock } from '../../../../src/testing/virtual-clock.ts'

/** What a stream does: response ids, `done` for the end of the result, an error that breaks it. */
type Script = readonly (string | Error)[]

function failing(status: string, errorClass: string | null = null): SparkError {
  return new SparkError({ status, message: 'broken', errorClass, sqlState: null, errorId: null }, 'run it')
}

const broken = failing('UNAVAILABLE')
const replaced = failing('INTERNAL', 'INVALID_CURSOR.DISCONNECTED')
const notFound = failing('INTERNAL', 'INVALID_HANDLE.OPERATION_NOT_FOUND')
const refused = failing('INTERNAL', 'DIVIDE_BY_ZERO')

/** A server that plays one script a stream, and notes what it is asked. The last script is played again and again. */
function serverOf(...scripts: readonly Script[]) {
  const asked: string[] = []
  const released: string[] = []
  const transport: Pick<Transport, 'stream' | 'unary'> = {
    async *stream(method, request) {
      const { last_response_id: after } = request as { last_response_id?: string }
      asked.push(after === undefined ? method : `${method} after ${after}`)
      const script = scripts[Math.min(asked.length, scripts.length) - 1]!
      for (const step of script) {
        if (step instanceof Error) throw step
        const type = step === 'done' ? { response_type: 'result_complete' } : {}
        yield { server_side_session_id: 's', operation_id: 'o', response_id: step, schema: null, ...type }
      }
    },
    async unary(_, request) {
      const { release_until: until } = request as { release_until?: { response_id: string } }
      released.push(until?.response_id ?? 'all')
      return {} as never
    },
  }
  return { asked, released, transport }
}

async function run({ transport }: ReturnType<typeof serverOf>, limit = Number.POSITIVE_INFINITY) {
  const background: Promise<unknown>[] = []
  const clock = virtualClock({ auto: true })
  const abort = new AbortController()
  const responses = execute({
    ...{ transport, plan: {}, tags: [], doing: 'run it', operationId: 'o', retryMs: 10_000 },
    ...{ clock, random: seededRandom('execution'), signal: abort.signal, identify: () => ({}) },
    background: work => background.push(work),
  })
  const seen: string[] = []
  let failure: unknown = null
  const work = (async () => {
    for await (const { response_id } of responses) {
      seen.push(response_id)
      if (seen.length === limit) break
    }
  })().catch(thrown => {
    failure = thrown
  })
  await work
  await Promise.all(background)
  return { seen, failure, elapsedMs: clock.elapsed() }
}

describe('an execution', () => {
  it.each<[string, readonly Script[], readonly string[]]>([
    ['in one stream', [['1', '2', 'done']], ['ExecutePlan']],
    ['in streams that the server ends', [['1'], ['2', 'done']], ['ExecutePlan', 'ReattachExecute after 1']],
    [
      'across a connection that breaks',
      [
        ['1', broken],
        ['2', 'done'],
      ],
      ['ExecutePlan', 'ReattachExecute after 1'],
    ],
    [
      'after another stream took its place',
      [
        ['1', replaced],
        ['2', 'done'],
      ],
      ['ExecutePlan', 'ReattachExecute after 1'],
    ],
    [
      'although the connection breaks again and again',
      [['1', broken], [broken], [broken], ['2', broken], ['done']],
      ['ExecutePlan', ...Array(3).fill('ReattachExecute after 1'), 'ReattachExecute after 2'],
    ],
    [
      'although the first request never arrived',
      [[broken], [notFound], ['1', '2', 'done']],
      ['ExecutePlan', 'ReattachExecute', 'ExecutePlan'],
    ],
    ['although the first answer was lost', [[broken], ['1', '2', 'done']], ['ExecutePlan', 'ReattachExecute']],
  ])('gives each response once %s', async (_, scripts, asked) => {
    const server = serverOf(...scripts)
    expect(await run(server)).toMatchObject({ seen: ['1', '2'], failure: null })
    expect(server.asked).toEqual(asked)
    expect(server.released.at(-1)).toBe('all')
  })

  it.each<[string, SparkError, readonly Script[]]>([
    ['what Spark refuses', refused, [['1', refused]]],
    ['an operation of which a part was heard and that is gone', notFound, [['1', broken], [notFound]]],
  ])('fails at once with %s', async (_, failure, scripts) => {
    const server = serverOf(...scripts)
    expect(await run(server)).toMatchObject({ seen: ['1'], failure })
    expect(server.asked).toHaveLength(scripts.length)
    expect(server.released.at(-1)).toBe('all')
  })

  it('fails with what broke it when that lasts for longer than allowed', async () => {
    const server = serverOf(['1', broken], [broken])
    const { failure, elapsedMs } = await run(server)
    expect(failure).toBe(broken)
    expect(elapsedMs).toBeGreaterThanOrEqual(10_000)
    expect(elapsedMs).toBeLessThan(11_000)
    // It tries often at first, and then every second or two.
    expect(server.asked.length).toBeGreaterThan(8)
    expect(server.asked.length).toBeLessThan(20)
  })

  it('does not ask without end a server that answers with nothing', async () => {
    const server = serverOf([])
    expect(await run(server)).toMatchObject({ failure: { code: 'PROCESSOR_FAILED', outcome: 'unknown' } })
    expect(server.asked.length).toBeLessThan(20)
  })

  it('is ended on the server when its consumer stops', async () => {
    const server = serverOf(['1', '2', '3', 'done'])
    expect(await run(server, 2)).toMatchObject({ seen: ['1', '2'], failure: null })
    expect(server.released.at(-1)).toBe('all')
  })

  it('tells the server what it has, in order, and at last that it has all', async () => {
    const server = serverOf(['1', '2', '3', 'done'])
    await run(server)
    expect(server.released.toSorted()).toEqual(server.released)
    expect(server.released[0]).toBe('1')
    expect(server.released.filter(each => each === 'all')).toHaveLength(1)
  })
})
