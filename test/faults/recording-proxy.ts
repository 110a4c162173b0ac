import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface RecordingProxy {
  readonly url: string
  /** The records of each page that was asked for, by page number. */
  readonly pages: ReadonlyMap<number, readonly unknown[]>
  /** Pages that were answered differently from the time before. */
  readonly changed: readonly number[]
  /** Seeds that were asked for. */
  readonly seeds: ReadonlySet<string>
}

/** Stands between a pipeline and the API and remembers what the pipeline was told. */
export async function recordingProxy(upstream: string): Promise<RecordingProxy> {
  const pages = new Map<number, readonly unknown[]>()
  const changed: number[] = []
  const seeds = new Set<string>()
  const server = createServer(async (request, response) => {
    const target = new URL(upstream)
    target.search = new URL(request.url ?? '/', upstream).search
    const answer = await fetch(target)
    const body = await answer.text()
    const page = target.searchParams.get('page')
    if (answer.ok && page !== null && target.searchParams.has('seed')) {
      const { results } = JSON.parse(body) as { results: unknown[] }
      const before = pages.get(Number(page))
      if (before !== undefined && JSON.stringify(before) !== JSON.stringify(results)) changed.push(Number(page))
      pages.set(Number(page), results)
      seeds.add(target.searchParams.get('seed')!)
    }
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`, pages, changed, seeds }
}
