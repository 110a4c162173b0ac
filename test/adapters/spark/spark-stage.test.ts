import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { queryFailure, type SparkError } from '../../../src/adapters/spark/connect/errors.ts'
import type { QueryEvent } from '../../../src/adapters/spark/connect/events.ts'
import type { ListenOptions } from '../../../src/adapters/spark/connect/queries.ts'
import { SparkStage } from '../../../src/adapters/spark/spark-stage.ts'
import type { StageControl } from '../../../src/adapters/spark/stage-control.ts'
import type { StageEvent } from '../../../src/ports/processor.ts'
import { MillraceError } from '../../../src/sdk/errors.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { virtualClock } from '../../../src/testing/virtual-clock.ts'

const name = 'shop/load'

/** A server with one session, told what to say, in place of Spark. */
class FakeControl {
  readonly ended: number[] = []
  readonly learned: number[] = []
  record: { deployed: boolean } | null = null
  isAsDeclared = true
  hasEndedByItself = false
  /** Whether another process has started the query that runs. */
  isThere = false
  starts = 0
  /** Thrown by the next starts. */
  readonly refusals: MillraceError[] = []
  ailing: MillraceError | null = null
  #events: QueryEvent[] = []
  #changed = Promise.withResolvers<void>()

  say(event: Partial<QueryEvent> & Pick<QueryEvent, 'kind'>): void {
    this.#events.push({ id: 'query', runId: `run-${this.starts}`, ...event } as QueryEvent)
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  fail(failure: SparkError | null): void {
    this.say({ kind: 'terminated', failure } as QueryEvent)
  }

  async open() {
    const told = this
    async function* listen({ signal, onListening }: ListenOptions): AsyncGenerator<QueryEvent> {
      onListening?.()
      while (!signal!.aborted) {
        for (const event of told.#events.splice(0)) yield event
        await Promise.race([told.#changed.promise, new Promise(resolve => signal!.addEventListener('abort', resolve))])
      }
      throw signal!.reason
    }
    return { id: 'session', queries: { listen } }
  }

  async ensure() {
    const refusal = this.refusals.shift()
    if (refusal !== undefined) throw refusal
    const isNew = !this.isThere
    this.isThere = false
    this.starts += 1
    this.record ??= { deployed: false }
    return { query: { id: 'query', runId: `run-${this.starts}`, lastProgress: async () => null }, isNew }
  }

  learn(schemaId: number): boolean {
    if (this.learned.includes(schemaId)) return false
    this.learned.push(schemaId)
    return true
  }

  async end(_query: unknown, batchMs: number): Promise<void> {
    this.ended.push(batchMs)
    this.fail(null)
  }

  ailment = async () => this.ailing
  /** Whether a query of the stage runs that somebody else started. */
  isReplaced = false
  recorded = async () => (this.isReplaced ? {} : null)
  /** Why the query failed that nobody followed. */
  failed: SparkError | null = null
  failure = async () => this.failed
  forget = () => {
    this.failed = null
  }
  close = async () => {}
}

function openStage() {
  const control = new FakeControl()
  const clock = virtualClock()
  const states: string[] = []
  const emit = (event: StageEvent) => {
    if (event.kind === 'state') states.push(`${event.status.state} ${event.status.error?.code ?? ''}`.trim())
  }
  const stage = new SparkStage({
    ...{ name, clock, emit, random: seededRandom('stage'), logger: { log: () => {} } },
    control: control as unknown as StageControl,
  })
  const until = async (holds: () => boolean) => {
    for (let turns = 0; !holds(); turns++) {
      if (turns > 1_000) throw new Error(`Never so; ${states.join(', ')}`)
      await turn()
    }
  }
  return { control, clock, states, stage, until }
}

const failure = (text: string) => queryFailure(`[STREAM_FAILED] … ${text}`, null)

describe('a stage on Spark', () => {
  it('starts once, however often it is asked, and drains', async () => {
    const { control, stage, states } = openStage()
    await Promise.all([stage.start(), stage.start()])
    await stage.start()
    await stage.drain(500)
    expect(control.starts).toBe(1)
    expect(control.ended).toEqual([500])
    expect(states).toEqual(['starting', 'running', 'draining', 'stopped'])
  })

  it('leaves a query that is deployed, and drains any other', async () => {
    const deployed = openStage()
    deployed.control.record = { deployed: true }
    await deployed.stage.start()
    await deployed.stage.leave(500)
    expect(deployed.control.ended).toEqual([])
    expect(deployed.states).toEqual(['starting', 'running', 'stopped'])

    const other = openStage()
    await other.stage.start()
    await other.stage.leave(500)
    expect(other.control.ended).toEqual([500])
  })

  it('starts a query again that failed of something that may pass, and says so', async () => {
    const { control, clock, stage, states, until } = openStage()
    await stage.start()
    control.fail(failure('SinkException: DATABASE_UNREACHABLE: No node answers.'))
    await until(() => states.includes('paused DATABASE_UNREACHABLE'))
    await clock.advance(5_000)
    await until(() => control.starts === 2)
    await until(() => states.at(-1) === 'running')
    expect((await stage.status()).error).toBeNull()
    await stage.stop()
    expect(control.ended).toEqual([0])
  })

  it('looks a schema up that a query met, without a pause, and once', async () => {
    const { control, stage, states, until } = openStage()
    await stage.start()
    const unknown = failure('SinkException: MILLRACE_SCHEMA_UNKNOWN: 7')
    control.fail(unknown)
    await until(() => control.starts === 2)
    expect(control.learned).toEqual([7])
    expect(states).toEqual(['starting', 'running'])
    control.fail(unknown)
    await until(() => states.length > 2)
    expect(states[2]).toMatch(/^paused|^failed/)
    await stage.stop()
  })

  it('fails of what no repeat changes, with the reason, and can be started again', async () => {
    const { control, stage, states } = openStage()
    const error = new MillraceError('TABLE_UNKNOWN', 'There is no such table.')
    control.refusals.push(error)
    await expect(stage.start()).rejects.toMatchObject({ code: 'TABLE_UNKNOWN' })
    expect((await stage.status()).error).toMatchObject({ code: 'TABLE_UNKNOWN' })
    await stage.start()
    expect(states).toEqual(['starting', 'failed TABLE_UNKNOWN', 'starting', 'running'])
    await stage.stop()
  })

  it('says of a query that nobody followed why it failed, until it is started or stopped', async () => {
    const { control, stage } = openStage()
    control.failed = failure('SinkException: TABLE_UNKNOWN: There is no such table.')
    expect(await stage.status()).toMatchObject({ state: 'failed', error: { code: 'TABLE_UNKNOWN' } })
    await stage.stop()
    expect(await stage.status()).toMatchObject({ state: 'stopped', error: null })
    expect(control.starts).toBe(0)
  })

  it('looks a schema up that a query met which nobody followed, when it is deployed again', async () => {
    const { control, stage } = openStage()
    control.failed = failure('MILLRACE_SCHEMA_UNKNOWN: 7')
    expect(await stage.status()).toMatchObject({ state: 'failed', error: { code: 'SCHEMA_UNKNOWN' } })
    expect(await stage.deployment()).toBe('start')
    expect(control.learned).toEqual([])
    expect(await stage.deploy()).toBe('start')
    expect([control.learned, control.starts]).toEqual([[7], 1])
  })

  it('starts a query that ends by itself once more where it was another process that had started it', async () => {
    const { control, clock, stage, states, until } = openStage()
    control.hasEndedByItself = true
    control.isThere = true
    await stage.start()
    control.fail(null)
    await until(() => control.starts === 2)
    control.fail(null)
    await until(() => clock.waits.includes(1_000))
    await clock.advance(1_000)
    await until(() => states.at(-1) === 'stopped')
    expect([control.starts, states]).toEqual([2, ['starting', 'running', 'stopped']])
  })

  it('is stopped when its query was stopped elsewhere', async () => {
    const { control, clock, stage, states, until } = openStage()
    await stage.start()
    control.fail(null)
    await until(() => clock.waits.includes(1_000))
    await clock.advance(1_000)
    await until(() => states.at(-1) === 'stopped')
    expect(control.ended).toEqual([])
  })

  it('goes on with the run that another process replaced its own with', async () => {
    const { control, clock, stage, states, until } = openStage()
    await stage.start()
    control.isReplaced = true
    control.fail(null)
    await until(() => clock.waits.includes(1_000))
    await clock.advance(1_000)
    await until(() => control.starts === 2)
    expect(states).toEqual(['starting', 'running'])
    await stage.stop()
  })

  it('asks log and table why a query is silent, and says it until that is over', async () => {
    const { control, clock, stage, states, until } = openStage()
    await stage.start()
    await clock.advance(12_000)
    expect(states).toEqual(['starting', 'running'])
    control.ailing = new MillraceError('DATABASE_TIMEOUT', 'No answer.')
    await clock.advance(12_000)
    await until(() => states.at(-1) === 'paused DATABASE_TIMEOUT')
    control.say({ kind: 'idle' })
    await until(() => states.at(-1) === 'running')
    await stage.stop()
  })
})
