import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SourceRun } from '../../../src/ports/source.ts'

export interface TestServer {
  /** Without a trailing slash. */
  readonly url: string
  /** Path and query of each request so far. */
  readonly requests: readonly string[]
  close(): Promise<void>
}

/** An HTTP server on a free port that answers with `handle`; `index` counts its requests from 0. */
export async function serve(
  handle: (request: IncomingMessage, response: ServerResponse, index: number) => void,
): Promise<TestServer> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(request.url ?? '')
    handle(request, response, requests.length - 1)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      const closed = new Promise(resolve => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

export function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

export const run: SourceRun = {
  seed: 'user_automation 2026-01-01T00:00:00Z',
  logicalDate: '2026-01-01T00:00:00Z',
  interval: { start: '2026-01-01T00:00:00Z', end: '2026-01-02T00:00:00Z' },
}
