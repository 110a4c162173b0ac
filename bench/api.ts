/**
 * The randomuser API as fast as it can be: users made in advance, each with a new id. Runs as a process of its own, so
 * that it costs the measured one nothing but the requests.
 *
 *     node bench/api.ts
 *
 * Prints its URL.
 */
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { makeUser } from './user.ts'

const placeholder = '00000000-0000-4000-8000-000000000000'
const templates = Array.from({ length: 1_000 }, (_, number) => {
  const [before, after] = JSON.stringify(makeUser(number, placeholder)).split(placeholder)
  return { before: before!, after: after! }
})

function uuid(prefix: string, number: number): string {
  const digits = createHash('md5').update(`${prefix}${number}`).digest('hex')
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-8${digits.slice(17, 20)}-${digits.slice(20)}`
}

const server = createServer((request, response) => {
  const { searchParams } = new URL(request.url ?? '/', 'http://localhost')
  const results = Number(searchParams.get('results') ?? 1)
  const page = Number(searchParams.get('page') ?? 1)
  const prefix = `${searchParams.get('seed')}-${page}-`
  const users: string[] = []
  for (let index = 0; index < results; index++) {
    const { before, after } = templates[(page * results + index) % templates.length]!
    users.push(before + uuid(prefix, index) + after)
  }
  response.setHeader('content-type', 'application/json')
  response.end(`{"results":[${users.join(',')}],"info":{"results":${results},"page":${page},"version":"1.4"}}`)
})

server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`))
