import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import orders from '../../pipelines/orders.ts'
import { compile } from '../../src/plan/compile.ts'
import { compileExpression, compileSelect } from '../../src/plan/evaluate.ts'
import type { IngestPlan, StreamPlan } from '../../src/plan/plan.ts'
import { compileParser, formatIssue } from '../../src/sdk/parse.ts'

describe('the sample orders', () => {
  const [ingest, stream] = compile(orders).stages as [IngestPlan, StreamPlan]
  const input = ingest.source.schema
  const parse = compileParser(input)
  const records = readFileSync(new URL('../../pipelines/orders.ndjson', import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => {
      const result = parse(JSON.parse(line))
      if (result.issues !== undefined) throw new Error(result.issues.map(formatIssue).join('\n'))
      return result.value as { readonly [field: string]: unknown }
    })
  const isPriority = compileExpression(stream.where!, input)
  const toRow = compileSelect(stream.select!, input)

  it('are twenty, of which express and large ones are stored', () => {
    expect(records).toHaveLength(20)
    const stored = records.filter(record => isPriority(record) === true)
    for (const { express, total } of stored) expect(express || Number(total) >= 100).toBe(true)
    expect(stored.length).toBeGreaterThan(5)
    expect(stored.length).toBeLessThan(20)
  })

  it('become rows with defaults in place of what is missing', () => {
    const row = (number: number) => toRow(records.find(record => record.number === number)!)
    expect(row(1002)).toEqual({
      number: 1002,
      placed_at: new Date('2026-03-01T08:07:00Z'),
      status: 'paid',
      customer: 'José García',
      destination: '41001 SEVILLA',
      total: '587.00',
      currency: 'EUR',
      express: false,
    })
    expect(row(1005)).toMatchObject({ customer: 'sam@example.com', destination: null })
  })
})
