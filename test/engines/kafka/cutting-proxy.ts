import { createConnection, createServer, type Server, type Socket } from 'node:net'

/** Keys of requests, as the protocol has them. */
export const requestKeys = { produce: 0, initProducerId: 22, endTransaction: 26 } as const

/** What becomes of a request: it passes, or its connection is cut before the broker has it, or when the broker answers. */
export type Fate = 'passes' | 'lost' | 'unanswered'

/** Stands before a broker, and cuts connections at the requests it is told to. */
export class CuttingProxy {
  /** Asked for each request, with its key. */
  fateOf: (key: number) => Fate = () => 'passes'
  cuts = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor(port: number, brokerPort: number) {
    this.#server = createServer(client => this.#connect(client, brokerPort)).listen(port, '127.0.0.1')
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #connect(client: Socket, brokerPort: number): void {
    const broker = createConnection(brokerPort, '127.0.0.1')
    let unanswered = false
    const cut = () => {
      this.cuts++
      client.destroy()
    }
    let waiting = Buffer.alloc(0)
    client.on('data', chunk => {
      waiting = Buffer.concat([waiting, chunk])
      // A request's length comes first, then its key.
      while (waiting.length >= 4 && waiting.length >= 4 + waiting.readInt32BE(0)) {
        const fate = this.fateOf(waiting.readInt16BE(4))
        if (fate === 'lost') return cut()
        if (fate === 'unanswered') unanswered = true
        const bytes = 4 + waiting.readInt32BE(0)
        broker.write(waiting.subarray(0, bytes))
        waiting = waiting.subarray(bytes)
      }
    })
    broker.on('data', chunk => {
      if (unanswered) cut()
      else client.write(chunk)
    })
    for (const [socket, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => other.destroy())
    }
  }
}
