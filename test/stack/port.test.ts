import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { chooseFreePorts, isFree, portHolder, requireFree } from '../../src/stack/port.ts'

async function listen(host: string): Promise<number> {
  const server = createServer()
  onTestFinished(() => void server.close())
  await once(server.listen(0, host), 'listening')
  return (server.address() as AddressInfo).port
}

describe('a port', () => {
  it.each(['127.0.0.1', '0.0.0.0'])('is taken when somebody listens on %s', async host => {
    expect(await isFree(await listen(host))).toBe(false)
  })

  it('that is taken is refused with its holder and a way out', async () => {
    const port = await listen('127.0.0.1')
    const holder = process.platform === 'linux' ? `process ${process.pid}` : 'another process'
    await expect(requireFree(port, 'Kafka')).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(`Port ${port} of Kafka is taken by ${holder}`),
      fix: expect.stringContaining('--free-ports'),
    })
  })

  it('of a connection that goes out has no holder', async () => {
    expect(portHolder(1)).toBeNull()
  })
})

describe('free ports', () => {
  it('are one for each name, all different and free', async () => {
    const ports = await chooseFreePorts({ client: 9092, controller: 9093 })
    expect(Object.keys(ports)).toEqual(['client', 'controller'])
    expect(new Set(Object.values(ports)).size).toBe(2)
    for (const port of Object.values(ports)) expect(await isFree(port)).toBe(true)
  })
})
