import type { Client } from 'cassandra-driver'
import cassandra from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { guardControlConnection } from '../../../src/adapters/cassandra/control-connection.ts'
import { virtualClock } from '../../../src/testing/virtual-clock.ts'

/** A control connection that does `work` at each attempt to open it. */
function guarded(work: (attempt: number, hosts?: object) => Promise<void>) {
  const calls: (object | undefined)[] = []
  const control = {
    hosts: new Map<string, object>(),
    connection: null as { closeAsync(): Promise<void> } | null,
    _isShuttingDown: false,
    _initializeConnection: async () => {},
    _borrowFirstConnection: async () => {},
    _refresh(hosts?: object): Promise<void> {
      calls.push(hosts)
      return work(calls.length, hosts)
    },
  }
  guardControlConnection({ controlConnection: control } as unknown as Client, virtualClock({ auto: true }))
  return { control, calls }
}

describe('the control connection of the driver', () => {
  it('is opened by one attempt at a time, and by another one after it', async () => {
    const { promise: opened, resolve: open } = Promise.withResolvers<void>()
    const { control, calls } = guarded(() => opened)
    const all = [control._refresh(), control._refresh(), control._refresh()]
    open()
    await Promise.all(all)
    expect(calls).toHaveLength(1)
    await control._refresh()
    expect(calls).toHaveLength(2)
  })

  it('goes on to the next node within one attempt', async () => {
    const hosts = {}
    const { control, calls } = guarded(async attempt => {
      if (attempt === 1) await control._refresh(hosts)
    })
    await control._refresh()
    expect(calls).toEqual([undefined, hosts])
  })

  it('is opened again when that failed in a way that nobody catches', async () => {
    const { control, calls } = guarded(async attempt => {
      if (attempt < 3) throw new TypeError("Cannot read properties of null (reading 'endpoint')")
    })
    await control._refresh()
    expect(calls).toHaveLength(3)
  })

  it('is not opened again while the client shuts down', async () => {
    const { control, calls } = guarded(async () => {
      control._isShuttingDown = true
      throw new TypeError('too late')
    })
    await control._refresh()
    expect(calls).toHaveLength(1)
  })

  it('is found anew without leaving open what was known before', async () => {
    const shutDown: string[] = []
    const host = (name: string) => ({ shutdown: async () => void shutDown.push(name) })
    const { control } = guarded(async () => {})
    const hosts = new Map([
      ['a', host('old a')],
      ['b', host('b')],
    ])
    const findAnew = async () => {
      hosts.set('a', host('new a'))
      throw new Error('and then it broke')
    }
    const fresh = { ...control, hosts: { values: () => [...hosts.values()] }, _initializeConnection: findAnew }
    guardControlConnection({ controlConnection: fresh } as unknown as Client, virtualClock())
    await expect(fresh._initializeConnection()).rejects.toThrow('and then it broke')
    expect(shutDown).toEqual(['old a'])
  })

  it('closes the connection to a contact point that could not be used', async () => {
    const { control } = guarded(async () => {})
    let closed = 0
    control.connection = { closeAsync: async () => void closed++ }
    await control._borrowFirstConnection()
    expect(closed).toBe(1)
  })

  it('is where this version of the driver has it', () => {
    const client = new cassandra.Client({ contactPoints: ['127.0.0.1'], localDataCenter: 'datacenter1' })
    expect(client).toHaveProperty('controlConnection._refresh', expect.any(Function))
    expect(client).toHaveProperty('controlConnection._isShuttingDown', false)
    expect(client).toHaveProperty('controlConnection._initializeConnection', expect.any(Function))
    expect(client).toHaveProperty('controlConnection._borrowFirstConnection', expect.any(Function))
    expect(client).toHaveProperty('controlConnection.connection', null)
    expect(client).toHaveProperty('controlConnection.hosts.values', expect.any(Function))
  })
})
