import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { MillraceError } from '../sdk/errors.ts'
import type { Ports } from './engine.ts'

/** Free ports are taken from here: below those that systems give to outgoing connections. */
const firstFree = 20_000
const lastFree = 29_999

/** Whether nothing listens on 127.0.0.1 there. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<boolean>()
  server.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false)
    else reject(error)
  })
  server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)))
  return promise
}

/** A free port for each name. */
export async function chooseFreePorts(names: Ports): Promise<Ports> {
  const chosen = new Map<string, number>()
  const count = lastFree - firstFree + 1
  let next = Math.floor(Math.random() * count)
  for (const name of Object.keys(names)) {
    for (let tried = 0; !chosen.has(name); tried++) {
      if (tried === count) throw new MillraceError('PORT_IN_USE', `No port from ${firstFree} to ${lastFree} is free.`)
      const port = firstFree + (next++ % count)
      if (await isFree(port)) chosen.set(name, port)
    }
  }
  return { ...names, ...Object.fromEntries(chosen) }
}

/** A process that is ending has its ports for a moment longer than it can be found, in milliseconds. */
const lettingGoMs = 1_000
const pollMs = 50

/**
 * @param title of what needs the port
 * @throws MillraceError `PORT_IN_USE`, naming the holder where the system tells.
 */
export async function requireFree(port: number, title: string): Promise<void> {
  let holder: Holder | null = null
  for (const end = performance.now() + lettingGoMs; holder === null; ) {
    if (await isFree(port)) return
    holder = portHolder(port)
    if (performance.now() >= end) break
    await delay(pollMs)
  }
  const who = holder === null ? 'another process' : `process ${holder.pid} (${holder.command})`
  throw new MillraceError('PORT_IN_USE', `Port ${port} of ${title} is taken by ${who}.`, {
    place: `127.0.0.1:${port}`,
    fix: 'Stop it, or use `millrace stack up --free-ports`.',
  })
}

interface Holder {
  readonly pid: number
  readonly command: string
}

/** The process that listens on the port, if this is Linux and the process may be looked at. */
export function portHolder(port: number): Holder | null {
  if (process.platform !== 'linux') return null
  const sockets = listeningSockets(port)
  if (sockets.size === 0) return null
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    if (openFiles(pid).some(file => sockets.has(file))) return { pid: Number(pid), command: commandOf(pid) }
  }
  return null
}

/** As links in `/proc/<pid>/fd` name them. */
function listeningSockets(port: number): ReadonlySet<string> {
  const listening = '0A'
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const lines = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap(path => readText(path).split('\n').slice(1))
  const fields = lines.map(line => line.trim().split(/\s+/))
  const found = fields.filter(([, address, , state]) => address?.endsWith(suffix) && state === listening)
  return new Set(found.map(field => `socket:[${field[9]}]`))
}

function openFiles(pid: string): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map(fd => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`)
      } catch {
        return ''
      }
    })
  } catch {
    // It belongs to somebody else, or has ended.
    return []
  }
}

/** Its first words: enough to know it by. */
function commandOf(pid: string): string {
  return readText(`/proc/${pid}/cmdline`).split('\0').slice(0, 3).join(' ').trim().slice(0, 80)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
