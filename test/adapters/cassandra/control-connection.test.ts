import type { Client } from 'cassandra-driver'
import cassandra from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { guardControlConnection } from '../../../src/adapters/cassandra/control-connection.ts'
import { virtualClock } from '../../../src/testing/virtual-clock.ts'

/** A control connection whose first attempts fail as the driver's do. */
function failing(failures: number, found: object | null = null) {
  let attempts = 0
  const control = {
    connection: null as object | null,
    _isShuttingDown: false,
    async _refresh(): Promise<void> {
      control.connection = found
      if (++attempts <= failures) throw new TypeError("Cannot read properties of null (reading 'endpoint')")
      control.connection = {}
    },
  }
  guardControlConnection({ controlConnection: control } as unknown as Client, virtualClock({ auto: true }))
  return { control, attempts: () => attempts }
}

describe('the control connection of the driver', () => {
  it('is opened again when opening it failed in a way that nobody catches', async () => {
    const { control, attempts } = failing(2)
    await control._refresh()
    expect(attempts()).toBe(3)
    expect(control.connection).not.toBeNull()
  })

  it('is left alone when another attempt has opened it meanwhile', async () => {
    const { control, attempts } = failing(1, {})
    await control._refresh()
    expect(attempts()).toBe(1)
  })

  it('is not opened again while the client shuts down', async () => {
    const { control, attempts } = failing(9)
    control._isShuttingDown = true
    await control._refresh()
    expect(attempts()).toBe(1)
  })

  it('is where this version of the driver has it', () => {
    const client = new cassandra.Client({ contactPoints: ['127.0.0.1'], localDataCenter: 'datacenter1' })
    expect(client).toHaveProperty('controlConnection._refresh', expect.any(Function))
    expect(client).toHaveProperty('controlConnection.connection', null)
    expect(client).toHaveProperty('controlConnection._isShuttingDown', false)
  })
})
