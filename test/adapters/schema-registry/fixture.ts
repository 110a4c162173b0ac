import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openEmbeddedRegistry } from '../../../src/adapters/embedded/registry/registry.ts'
import { openSchemaRegistry } from '../../../src/adapters/schema-registry/schema-registry.ts'
import type { SchemaRegistry } from '../../../src/ports/schema-registry.ts'
import type { Json } from '../../../src/sdk/json.ts'
import type { SchemaRegistryConfig } from '../../../src/sdk/targets/schema-registry.ts'
import { serveOnLoopback } from '../../../src/server/loopback.ts'
import { registryRest } from '../../../src/server/registry-rest.ts'
import { type VirtualClock, virtualClock } from '../../../src/testing/virtual-clock.ts'
import { temporaryDirectory } from '../../support.ts'

/** The embedded registry behind its REST API. */
export async function serveEmbedded(): Promise<{ readonly url: string; readonly embedded: SchemaRegistry }> {
  const embedded = openEmbeddedRegistry({ path: join(temporaryDirectory(), 'registry.db') })
  const server = await serveOnLoopback(registryRest(embedded), 0)
  onTestFinished(async () => {
    await server.close()
    await embedded.close()
  })
  return { url: server.url, embedded }
}

export interface Opened {
  readonly registry: SchemaRegistry
  readonly clock: VirtualClock
}

/** A client that does not really wait before it tries again, and is closed with the test. */
export async function openClient(
  config: Omit<SchemaRegistryConfig, 'adapter'>,
  env: { readonly [name: string]: string } = {},
): Promise<Opened> {
  const clock = virtualClock({ auto: true })
  const options = { clock, random: { next: () => 0.5 }, env, directory: '.' }
  const registry = await openSchemaRegistry({ adapter: 'schema-registry', ...config }, options)
  onTestFinished(() => registry.close())
  return { registry, clock }
}

/** What a made-up registry answers; `cut` ends the connection instead. */
export type Scripted =
  | { readonly status?: number; readonly body: Json; readonly headers?: { readonly [name: string]: string } }
  | 'cut'
  | 'hang'

export interface ScriptedRegistry {
  readonly url: string
  readonly requests: { readonly line: string; readonly headers: IncomingMessage['headers']; readonly body: string }[]
}

/** Gives its answers in turn, the last one for ever. */
export async function scriptedRegistry(...answers: readonly Scripted[]): Promise<ScriptedRegistry> {
  const requests: ScriptedRegistry['requests'] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    requests.push({ line: `${request.method} ${request.url}`, headers: request.headers, body })
    const answer = answers[Math.min(requests.length, answers.length) - 1]!
    if (answer === 'hang') return
    if (answer === 'cut') {
      request.socket.destroy()
      return
    }
    response.writeHead(answer.status ?? 200, answer.headers)
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}
