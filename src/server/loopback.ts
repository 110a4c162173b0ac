import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MillraceError } from '../sdk/errors.ts'

export interface LoopbackServer {
  /** Such as `http://127.0.0.1:8081`. */
  readonly url: string
  /** Ends the connections that are open. */
  close(): Promise<void>
}

const maxConnections = 256
/** Until a request has arrived as a whole, in milliseconds. */
const requestTimeoutMs = 30_000

/**
 * Serves HTTP on 127.0.0.1 for programs of this machine. Requests of web pages are refused: a page from anywhere could
 * otherwise use a browser here to reach it.
 * @param port 0 for any free one
 * @throws MillraceError `PORT_IN_USE`.
 */
export async function serveOnLoopback(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  port: number,
): Promise<LoopbackServer> {
  const server = createServer({ requestTimeout: requestTimeoutMs }, (request, response) => {
    if (isLocal(request)) handler(request, response)
    else response.writeHead(403, { connection: 'close' }).end()
  })
  server.maxConnections = maxConnections
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', (error: NodeJS.ErrnoException) => {
    const facts = { place: `127.0.0.1:${port}`, fix: 'Choose another port, or 0 for any free one.', cause: error }
    reject(error.code === 'EADDRINUSE' ? new MillraceError('PORT_IN_USE', `Port ${port} is taken.`, facts) : error)
  })
  server.listen(port, '127.0.0.1', resolve)
  await promise
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      if (!server.listening) return
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

/** Browsers name the page's origin when it may change something, and the host that a page believes it talks to. */
function isLocal({ headers }: IncomingMessage): boolean {
  const host = (headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
  return headers.origin === undefined && ['127.0.0.1', 'localhost'].includes(host)
}
