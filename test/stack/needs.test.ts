import { describe, expect, it } from 'vitest'
import { engines } from '../../src/stack/engines.ts'
import { inOrder, withCompanions, withNeeds } from '../../src/stack/needs.ts'

const { airflow, kafka, postgres } = engines

describe('an engine that needs another', () => {
  it.each([
    [[airflow], [postgres, airflow]],
    [
      [kafka, airflow, postgres],
      [kafka, postgres, airflow],
    ],
    [[postgres], [postgres]],
  ])('is started with it (%#)', (wanted, all) => {
    expect(withNeeds(wanted)).toEqual(all)
  })

  it.each([
    [['airflow'], ['airflow', 'postgres']],
    [['postgres'], ['airflow', 'postgres']],
    [['kafka'], ['kafka']],
    [
      ['kafka', 'airflow'],
      ['airflow', 'postgres', 'kafka'],
    ],
  ] as const)('is stopped and deleted with it: %j gives %j', (names, all) => {
    expect(withCompanions(names)).toEqual(all)
  })

  it.each([
    ['needed first', ['kafka', 'postgres'], ['airflow']],
    ['needed last', ['kafka', 'airflow'], ['postgres']],
  ] as const)('is handled in order, %s, and the rest beside it', async (order, together, then) => {
    const begun: string[] = []
    const gate = Promise.withResolvers<void>()
    const work = inOrder([airflow, kafka, postgres], order, async ({ name }) => {
      begun.push(name)
      await gate.promise
    })
    await new Promise(setImmediate)
    expect(begun.toSorted()).toEqual(together.toSorted())
    gate.resolve()
    await Promise.all(work)
    expect(begun.slice(2)).toEqual(then)
  })

  it('is not started where that fails', async () => {
    const begun: string[] = []
    const work = inOrder([postgres, airflow], 'needed first', async ({ name }) => {
      begun.push(name)
      throw new Error(`${name} failed`)
    })
    const results = await Promise.allSettled(work)
    expect(results.map(each => (each.status === 'rejected' ? (each.reason as Error).message : ''))).toEqual([
      'postgres failed',
      'postgres failed',
    ])
    expect(begun).toEqual(['postgres'])
  })
})
