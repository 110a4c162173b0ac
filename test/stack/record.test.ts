import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { withLock } from '../../src/stack/lock.ts'
import { type EngineRecord, readStack, recordEngine, refuseOther } from '../../src/stack/record.ts'
import { temporaryDirectory } from '../support.ts'

const kafka: EngineRecord = {
  kind: 'kafka',
  runs: 'native',
  title: 'Kafka 4.4.0',
  wanted: 'up',
  address: '127.0.0.1:9092',
  connection: { bootstrapServers: ['127.0.0.1:9092'] },
  ports: { client: 9092, controller: 9093 },
  services: [],
}

describe('the record of a stack', () => {
  it('is empty where nothing was started', () => {
    expect(readStack(join(temporaryDirectory(), 'stack'))).toEqual({ version: 1, engines: {} })
  })

  it('keeps each engine by itself', () => {
    const directory = join(temporaryDirectory(), 'stack')
    recordEngine(directory, 'kafka', kafka)
    recordEngine(directory, 'cassandra', { ...kafka, kind: 'cassandra' })
    recordEngine(directory, 'kafka', { ...kafka, wanted: 'down' })
    expect(Object.entries(readStack(directory).engines).map(([name, { wanted }]) => [name, wanted])).toEqual([
      ['kafka', 'down'],
      ['cassandra', 'up'],
    ])
    recordEngine(directory, 'kafka', null)
    expect(Object.keys(readStack(directory).engines)).toEqual(['cassandra'])
  })

  it.each([
    ['{"version":1', 'STATE_CORRUPT'],
    ['null', 'STATE_CORRUPT'],
    ['{"version":2,"engines":{}}', 'STATE_VERSION'],
  ])('is refused as %s', (text, code) => {
    const directory = temporaryDirectory()
    writeFileSync(join(directory, 'stack.json'), text)
    expect(() => readStack(directory)).toThrow(expect.objectContaining({ code }))
    expect(() => recordEngine(directory, 'kafka', kafka)).toThrow(expect.objectContaining({ code }))
    expect(readFileSync(join(directory, 'stack.json'), 'utf8')).toBe(text)
  })
})

describe('an engine that is up', () => {
  it('is not started in another kind or elsewhere', () => {
    const zooKeeper = { kind: 'kafka-zookeeper', name: 'kafka' } as const
    const refusal = expect.objectContaining({ code: 'ENGINE_RUNNING', fix: expect.stringContaining('down kafka') })
    expect(() => refuseOther(zooKeeper, 'native', kafka)).toThrow(refusal)
    expect(() => refuseOther({ kind: 'kafka', name: 'kafka' }, 'docker', kafka)).toThrow(refusal)
    refuseOther({ kind: 'kafka', name: 'kafka' }, 'native', kafka)
    refuseOther(zooKeeper, 'native', { ...kafka, wanted: 'down' })
    refuseOther(zooKeeper, 'native', undefined)
  })
})

describe('the lock of a stack', () => {
  it('lets one work at a time, and tells the other that it waits', async () => {
    const directory = temporaryDirectory()
    mkdirSync(directory, { recursive: true })
    const path = join(directory, 'lock.db')
    const { signal } = new AbortController()
    const order: string[] = []
    const entered = Promise.withResolvers<void>()
    const waiting = Promise.withResolvers<void>()
    const first = withLock(path, { limitMs: 60_000, signal }, async () => {
      entered.resolve()
      await waiting.promise
      order.push('first')
    })
    await entered.promise
    await withLock(path, { limitMs: 60_000, signal, onWait: waiting.resolve }, async () => void order.push('second'))
    await first
    expect(order).toEqual(['first', 'second'])
  })

  it('gives up after the time, or when told to', async () => {
    const path = join(temporaryDirectory(), 'lock.db')
    const { signal } = new AbortController()
    await withLock(path, { limitMs: 0, signal }, async () => {
      await expect(withLock(path, { limitMs: 0, signal }, async () => {})).rejects.toMatchObject({
        code: 'STATE_IN_USE',
      })
      const abort = new AbortController()
      const options = { limitMs: 60_000, signal: abort.signal, onWait: () => abort.abort(new Error('enough')) }
      await expect(withLock(path, options, async () => {})).rejects.toThrow()
    })
  })

  it('is free again when the work fails', async () => {
    const path = join(temporaryDirectory(), 'lock.db')
    const { signal } = new AbortController()
    const failing = withLock(path, { limitMs: 0, signal }, () => Promise.reject(new Error('no')))
    await expect(failing).rejects.toThrow('no')
    await withLock(path, { limitMs: 0, signal }, async () => {})
  })
})
