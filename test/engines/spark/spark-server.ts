import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { parseRemote } from '../../../src/adapters/spark/connect/endpoint.ts'
import { openSession, type Session, type SessionOptions } from '../../../src/adapters/spark/connect/session.ts'
import { systemClock } from '../../../src/adapters/system/clock.ts'
import { seededRandom } from '../../../src/adapters/system/seeded-random.ts'
import { type RunningEngine, type StartEngineOptions, startEngine } from '../../../src/stack/start-engine.ts'
import { freePorts } from '../kafka/support.ts'

/** How long one start may take where others are at work too, in milliseconds. */
const startLimitMs = 300_000

/** A Spark Connect server for the tests of a file, gone after them. */
export class SparkServer {
  #engine: RunningEngine | null = null
  readonly directory = mkdtempSync(join(tmpdir(), 'millrace-spark-'))

  constructor(settings: NonNullable<StartEngineOptions['settings']> = {}) {
    beforeAll(async () => {
      this.#engine = await startEngine('spark', { directory: this.directory, heap: { spark: '512m' }, settings })
    }, startLimitMs)
    afterAll(async () => {
      await this.#engine?.stop()
      rmSync(this.directory, { recursive: true, force: true })
    })
  }

  get engine(): RunningEngine {
    return this.#engine!
  }

  /** @param port another one that leads to it */
  endpoint(port = this.engine.ports.client) {
    const { tokenFile } = this.engine.connection as { readonly tokenFile: string }
    return parseRemote(`sc://127.0.0.1:${port}`, readFileSync(tokenFile, 'utf8'))
  }

  /** A session that is closed with the test. */
  async open(options: Partial<SessionOptions> & { readonly port?: number } = {}): Promise<Session> {
    const { port, ...others } = options
    const random = seededRandom('spark')
    const session = await openSession(this.endpoint(port), { clock: systemClock, random, ...others })
    onTestFinished(() => session.close())
    return session
  }
}

/** Stands before a server and cuts connections once so many bytes have come back on them. */
export class CuttingProxy {
  cuts = 0
  readonly port: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(port: number, serverPort: number, afterBytes: number) {
    this.port = port
    this.#server = createServer(client => this.#connect(client, serverPort, afterBytes)).listen(port, '127.0.0.1')
  }

  static async before(serverPort: number, afterBytes: number): Promise<CuttingProxy> {
    const [port] = await freePorts(1)
    const proxy = new CuttingProxy(port!, serverPort, afterBytes)
    onTestFinished(() => proxy.#close())
    return proxy
  }

  #connect(client: Socket, serverPort: number, afterBytes: number): void {
    const server = createConnection(serverPort, '127.0.0.1')
    let bytes = 0
    client.on('data', chunk => server.write(chunk))
    server.on('data', chunk => {
      bytes += chunk.length
      if (bytes < afterBytes) {
        client.write(chunk)
        return
      }
      this.cuts++
      client.destroy()
    })
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => other.destroy())
    }
  }

  #close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}
