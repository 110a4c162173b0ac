import { once } from 'node:events'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import type { Random } from '../../../src/ports/clock.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'

export interface FaultProxyOptions {
  /** On 127.0.0.1; 0 for one that is free. */
  readonly port: number
  /** Where it leads to, on 127.0.0.1. */
  readonly to: number
  /** Of the delays. */
  readonly seed: string
}

/** Bytes that may wait in one direction of a connection before its sender is slowed down. */
const maxWaitingBytes = 4 * 1024 * 1024

/** A network that misbehaves when asked to, between a client and an engine. Each connection keeps its order. */
export class FaultProxy {
  readonly #to: number
  readonly #random: Random
  readonly #streams = new Set<Stream>()
  readonly #sockets = new Set<Socket>()
  #server: Server
  #port: number
  #delayMs: readonly [number, number] = [0, 0]
  #bytesPerMs = Number.POSITIVE_INFINITY
  #holding = false
  #accepted = 0

  private constructor({ port, to, seed }: FaultProxyOptions) {
    this.#port = port
    this.#to = to
    this.#random = seededRandom(seed)
    this.#server = createServer()
  }

  static async open(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options)
    await proxy.accept()
    return proxy
  }

  get port(): number {
    return this.#port
  }

  /** How many connections were opened. */
  get accepted(): number {
    return this.#accepted
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#sockets.size / 2
  }

  /** Breaks every connection, whatever is on its way; new ones are taken. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  /** Breaks every connection and refuses new ones, as a machine that is up and a program that is not. */
  async refuse(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.cut()
    await closed
  }

  /** Takes connections again after `refuse`. */
  async accept(): Promise<void> {
    this.#server = createServer({ noDelay: true }, client => this.#connect(client))
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as { port: number }).port
  }

  /** Each piece that arrives is passed on after a time in this range, in milliseconds; [0, 0] for at once. */
  delay(range: readonly [number, number]): void {
    this.#delayMs = range
  }

  /** Bytes a second in each direction of each connection; null for no limit. */
  throttle(bytesPerSecond: number | null): void {
    this.#bytesPerMs = bytesPerSecond === null ? Number.POSITIVE_INFINITY : bytesPerSecond / 1_000
  }

  /** Passes nothing on, as a link that loses every packet: connections stay, and new ones open and stay silent. */
  hold(): void {
    this.#holding = true
  }

  /** Passes on what was held and all that comes. */
  release(): void {
    this.#holding = false
    for (const stream of this.#streams) stream.pass()
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.refuse()
  }

  #connect(client: Socket): void {
    this.#accepted++
    const engine = createConnection({ port: this.#to, host: '127.0.0.1', noDelay: true })
    const gate = {
      isOpen: () => !this.#holding,
      delay: () => {
        const [least, most] = this.#delayMs
        return least + this.#random.next() * (most - least)
      },
      spacingOf: (bytes: number) => bytes / this.#bytesPerMs,
    }
    for (const [from, to] of [
      [client, engine],
      [engine, client],
    ] as const) {
      const stream = new Stream(from, to, gate)
      this.#streams.add(stream)
      this.#sockets.add(from)
      // What becomes of a connection that fails is its client's affair.
      from.on('error', () => {})
      from.on('close', () => {
        this.#streams.delete(stream)
        this.#sockets.delete(from)
        to.destroy()
      })
    }
  }
}

interface Gate {
  isOpen(): boolean
  /** For how long the next piece waits, in milliseconds. */
  delay(): number
  /** How long after the piece before it one of this size is done, in milliseconds. */
  spacingOf(bytes: number): number
}

/** One direction of a connection. */
class Stream {
  readonly #from: Socket
  readonly #to: Socket
  readonly #gate: Gate
  readonly #waiting: { readonly bytes: Buffer; readonly due: number }[] = []
  #waitingBytes = 0
  #lastDue = 0
  #ended = false
  #timer: NodeJS.Timeout | undefined

  constructor(from: Socket, to: Socket, gate: Gate) {
    this.#from = from
    this.#to = to
    this.#gate = gate
    from.on('data', (bytes: Buffer) => this.#take(bytes))
    from.on('end', () => {
      this.#ended = true
      this.pass()
    })
    from.on('close', () => clearTimeout(this.#timer))
  }

  #take(bytes: Buffer): void {
    const now = performance.now()
    const sent = Math.max(this.#lastDue, now) + this.#gate.spacingOf(bytes.length)
    const due = Math.max(sent, now + this.#gate.delay())
    this.#lastDue = due
    this.#waiting.push({ bytes, due })
    this.#waitingBytes += bytes.length
    if (this.#waitingBytes > maxWaitingBytes) this.#from.pause()
    this.pass()
  }

  /** Passes on what is due, if anything may pass. */
  pass(): void {
    clearTimeout(this.#timer)
    if (!this.#gate.isOpen()) return
    for (;;) {
      const [next] = this.#waiting
      if (next === undefined) break
      const left = next.due - performance.now()
      if (left > 0) {
        this.#timer = setTimeout(() => this.pass(), left)
        return
      }
      this.#waiting.shift()
      this.#waitingBytes -= next.bytes.length
      this.#to.write(next.bytes)
    }
    if (this.#ended) this.#to.end()
    else this.#from.resume()
  }
}
