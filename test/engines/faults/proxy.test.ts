import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { FaultProxy } from './proxy.ts'

/** A proxy before a server that sends everything back. */
async function proxyOfEcho(): Promise<FaultProxy> {
  const sockets: Socket[] = []
  const server = createServer(socket => {
    sockets.push(socket.on('error', () => {}))
    socket.pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: to } = server.address() as { port: number }
  const proxy = await FaultProxy.open({ port: 0, to, seed: 'proxy' })
  onTestFinished(async () => {
    await proxy.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return proxy
}

async function connect(proxy: FaultProxy): Promise<Socket> {
  const socket = createConnection(proxy.port, '127.0.0.1').on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

async function readText(socket: Socket, length: number): Promise<string> {
  let text = ''
  while (text.length < length) text += String((await once(socket, 'data'))[0])
  return text
}

describe('the proxy of the outage tests', () => {
  it('passes on what is sent, in order, also with delays', async () => {
    const proxy = await proxyOfEcho()
    const socket = await connect(proxy)
    proxy.delay([5, 40])
    const startedAt = performance.now()
    const numbers = Array.from({ length: 50 }, (_, index) => `${index},`)
    const read = readText(socket, numbers.join('').length)
    for (const number of numbers) {
      socket.write(number)
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(await read).toBe(numbers.join(''))
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(10)
  })

  it('takes its time with many bytes when throttled', async () => {
    const proxy = await proxyOfEcho()
    const socket = await connect(proxy)
    proxy.throttle(100_000)
    const startedAt = performance.now()
    socket.write('x'.repeat(20_000))
    await readText(socket, 20_000)
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(200)
  })

  it('passes nothing on while it holds, and then everything', async () => {
    const proxy = await proxyOfEcho()
    const socket = await connect(proxy)
    proxy.hold()
    let seen = ''
    socket.on('data', bytes => {
      seen += String(bytes)
    })
    socket.write('held')
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(seen).toBe('')
    const read = readText(socket, 4)
    proxy.release()
    expect(await read).toBe('held')
  })

  it('cuts connections and takes new ones, refuses them, and takes them again', async () => {
    const proxy = await proxyOfEcho()
    const first = await connect(proxy)
    const broken = new Promise(resolve => first.on('close', resolve))
    proxy.cut()
    await broken
    const second = await connect(proxy)
    await proxy.refuse()
    await expect(connect(proxy)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await proxy.accept()
    const third = await connect(proxy)
    third.write('again')
    expect(await readText(third, 5)).toBe('again')
    expect(second.destroyed).toBe(true)
    expect(proxy.accepted).toBe(3)
  })
})
