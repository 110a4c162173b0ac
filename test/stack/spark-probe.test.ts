import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type IncomingHttpHeaders, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { probeSpark, probeSparkMaster } from '../../src/stack/spark-probe.ts'
import { temporaryDirectory } from '../support.ts'

interface Answer {
  readonly status: string
  readonly message?: string
  readonly body?: Buffer
}

/** A server of gRPC that gives one answer to everything, and notes what it was asked. */
async function serve(answer: Answer) {
  const asked: { headers: IncomingHttpHeaders; body: Buffer }[] = []
  const sessions = new Set<ServerHttp2Session>()
  const server = createServer().on('session', session => sessions.add(session))
  server.on('stream', async (stream, headers) => {
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(chunk as Buffer)
    asked.push({ headers, body: Buffer.concat(chunks) })
    const trailers = { 'grpc-status': answer.status, ...(answer.message && { 'grpc-message': answer.message }) }
    if (answer.body === undefined) {
      stream.respond({ ':status': 200, ...trailers }, { endStream: true })
      return
    }
    stream.respond({ ':status': 200 }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers(trailers))
    stream.end(answer.body)
  })
  onTestFinished(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const tokenFile = join(temporaryDirectory(), 'token')
  writeFileSync(tokenFile, 'secret')
  const probe = (signal = AbortSignal.timeout(60_000)) =>
    probeSpark(port, { remote: `sc://127.0.0.1:${port}`, tokenFile }, 'the-mark', signal)
  return { asked, probe }
}

describe('the probe of Spark', () => {
  it('asks the process for its mark, with the token', async () => {
    const { asked, probe } = await serve({ status: '0', body: Buffer.from('....the-mark') })
    await probe()
    const [{ headers, body }] = asked as [(typeof asked)[0]]
    expect(headers[':path']).toBe('/spark.connect.SparkConnectService/Config')
    expect(headers.authorization).toBe('Bearer secret')
    expect(body.readUInt32BE(1)).toBe(body.length - 5)
    expect(body.includes('spark.millrace.mark')).toBe(true)
  })

  it.each<[string, Answer]>([
    ['another process answers there', { status: '0', body: Buffer.from('some-other-mark') }],
    ['it answered with gRPC status 16: Invalid token', { status: '16', message: 'Invalid token' }],
    ['it answered with gRPC status 2: no message', { status: '2', body: Buffer.from('the-mark') }],
    ['the answer has no end', { status: '0', body: Buffer.alloc(1024 * 1024) }],
  ])('fails because %s', async (message, answer) => {
    const { probe } = await serve(answer)
    await expect(probe()).rejects.toThrow(message)
  })

  it('ends when it is told to, although the server says nothing', async () => {
    const server = createServer().on('stream', () => abort.abort(new Error('enough')))
    const sessions = new Set<ServerHttp2Session>()
    server.on('session', session => sessions.add(session))
    const abort = new AbortController()
    onTestFinished(() => {
      for (const session of sessions) session.destroy()
      server.close()
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const probe = probeSpark(port, { url: 'unused' }, 'the-mark', abort.signal)
    await expect(probe).rejects.toThrow('enough')
  })

  it('does not begin when it is to end', async () => {
    const { probe } = await serve({ status: '0' })
    await expect(probe(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
  })
})

describe('the probe of a Spark master', () => {
  it.each([
    [{ status: 'ALIVE', aliveworkers: 1 }, null],
    [{ status: 'ALIVE', aliveworkers: 0 }, 'the worker is not registered yet'],
    [{ status: 'STANDBY', aliveworkers: 1 }, 'the master is STANDBY'],
  ])('judges %j', async (answer, message) => {
    const server = createHttpServer((_, response) => response.end(JSON.stringify(answer)))
    onTestFinished(() => void server.close())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const probe = probeSparkMaster(port, 1, AbortSignal.timeout(60_000))
    if (message === null) await probe
    else await expect(probe).rejects.toThrow(message)
  })
})
