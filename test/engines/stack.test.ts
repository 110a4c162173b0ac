import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Admin } from '@platformatic/kafka'
import { Client } from 'cassandra-driver'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type EngineKind, type EngineName, engineNames } from '../../src/stack/engine.ts'
import { engines } from '../../src/stack/engines.ts'
import { portHolder } from '../../src/stack/port.ts'
import { findMarked, findStarted, signalMarked } from '../../src/stack/process.ts'
import { readStack } from '../../src/stack/record.ts'
import { probeSpark } from '../../src/stack/spark-probe.ts'
import { type EngineStatus, stackDown } from '../../src/stack/stack.ts'
import { startEngine } from '../../src/stack/start-engine.ts'
import { temporaryDirectory } from '../support.ts'

const root = resolve(import.meta.dirname, '../..')

/** The command line with a state directory of its own; whatever it has started is stopped with the test. */
class Stack {
  readonly state = temporaryDirectory()
  readonly directory = join(this.state, 'stack')

  constructor() {
    onTestFinished(async () => {
      const { signal } = new AbortController()
      await stackDown(engineNames, { directory: this.directory, env: {}, signal })
      expect(processesBelow(this.state)).toEqual([])
    })
  }

  start(...args: readonly string[]): ChildProcess {
    const env = { ...process.env, MILLRACE_STATE: this.state }
    const command = [join(root, 'bin/millrace.js'), 'stack', ...args]
    return spawn(process.execPath, command, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  }

  /** What the command printed; rejects if it failed. */
  async run(...args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
    const { code, stdout, stderr } = await this.end(...args)
    if (code !== 0) throw new Error(`millrace stack ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`)
    return { stdout, stderr }
  }

  async end(...args: readonly string[]) {
    const child = this.start(...args)
    let stdout = ''
    let stderr = ''
    child.stdout!.on('data', text => {
      stdout += text
    })
    child.stderr!.on('data', text => {
      stderr += text
    })
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, stdout, stderr }
  }

  up(kind: EngineKind) {
    return this.run('up', ...kindOption(kind), '--free-ports', '--native')
  }

  async status(name: EngineName): Promise<EngineStatus | undefined> {
    const { stdout } = await this.run('status', '--json')
    return (JSON.parse(stdout) as EngineStatus[]).find(({ kind }) => engines[kind].name === name)
  }

  tokens(): readonly string[] {
    const records = Object.values(readStack(this.directory).engines)
    return records.flatMap(({ services }) => services.map(({ token }) => token))
  }
}

/** How `up` is told to start it. */
function kindOption(kind: EngineKind): readonly string[] {
  const { name } = engines[kind]
  if (kind === 'kafka-zookeeper') return [name, '--kafka', '3.9-zookeeper']
  return kind === 'spark-standalone' ? [name, '--spark', 'standalone'] : [name]
}

/** Processes with the directory in their command line: the engines of a test, known or not. */
function processesBelow(directory: string): readonly number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory)
      } catch {
        return false
      }
    })
    .map(Number)
}

/** Addresses that the processes listen on, as /proc/net/tcp has them. */
function listeningAddresses(pids: readonly number[]): readonly string[] {
  const lines = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap(path => readFileSync(path, 'utf8').split('\n').slice(1))
  const listening = lines.map(line => line.trim().split(/\s+/)).filter(([, , , state]) => state === '0A')
  return listening
    .map(([, address]) => address!)
    .filter(address => pids.includes(portHolder(Number.parseInt(address.split(':')[1]!, 16))?.pid ?? 0))
    .map(address => address.split(':')[0]!)
}

/** 127.0.0.1, also as an IPv6 address, in the byte order of /proc. */
const loopback = ['0100007F', '0000000000000000FFFF00000100007F', '00000000000000000000000001000000']

const everyKind = Object.keys(engines) as EngineKind[]

describe.each(everyKind)('%s', kind => {
  const { name } = engines[kind]

  it('comes up once, says how it is, survives a kill, stops and is deleted', async () => {
    const stack = new Stack()
    await stack.up(kind)
    const first = (await stack.status(name))!
    expect(first).toMatchObject({ kind, health: 'healthy', runs: 'native', wanted: 'up' })
    const pids = first.details.map(({ pid }) => pid!)
    expect(first.services.map(({ pid }) => pid)).toEqual(pids)

    const addresses = listeningAddresses([...pids, ...stack.tokens().flatMap(findStarted)])
    expect(addresses.length).toBeGreaterThan(0)
    expect(addresses.filter(address => !loopback.includes(address))).toEqual([])

    const again = await stack.up(kind)
    expect(again.stderr).toContain('already up')
    expect(await stack.status(name)).toMatchObject({ services: first.services, ports: first.ports })

    for (const token of stack.tokens()) signalMarked(token, 'SIGKILL')
    await expect.poll(() => findMarked(stack.tokens()).size).toBe(0)
    expect(await stack.status(name)).toMatchObject({ health: 'dead' })
    await stack.run('up', ...kindOption(kind), '--native')
    const revived = (await stack.status(name))!
    expect(revived).toMatchObject({ health: 'healthy', address: first.address })
    expect(revived.details.map(({ pid }) => pid)).not.toEqual(pids)

    await stack.run('down', name)
    expect(await stack.status(name)).toMatchObject({ health: 'down', services: [] })
    expect(processesBelow(stack.state)).toEqual([])
    expect(readdirSync(stack.directory)).toContain(kind)

    await stack.run('reset', name, '--yes')
    expect(await stack.status(name)).toBeUndefined()
    expect(readdirSync(stack.directory)).not.toContain(kind)
    // A cluster of Spark is six starts of Java, each of which takes a very busy machine a minute.
  }, 900_000)
})

interface Writer {
  write(): Promise<unknown>
  read(): Promise<readonly string[]>
}

function kafkaWriter(address: string): Writer {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [address], retries: 20, retryDelay: 200 })
  onTestFinished(() => admin.close())
  return {
    write: () => admin.createTopics({ topics: ['kept'], partitions: 1, replicas: 1 }),
    read: () => admin.listTopics(),
  }
}

function registryWriter(address: string): Writer {
  const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' }
  const body = JSON.stringify({ schema: '{"type":"string"}' })
  return {
    write: () => fetch(`${address}/subjects/kept/versions`, { method: 'POST', body, headers }),
    read: async () => (await (await fetch(`${address}/subjects`)).json()) as string[],
  }
}

function cassandraWriter(address: string): Writer {
  const client = new Client({ contactPoints: [address], localDataCenter: 'datacenter1' })
  onTestFinished(() => client.shutdown())
  return {
    write: async () => {
      const replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
      await client.execute(`CREATE KEYSPACE shop WITH replication = ${replication}`)
      await client.execute('CREATE TABLE shop.orders (id text PRIMARY KEY)')
      await client.execute("INSERT INTO shop.orders (id) VALUES ('kept')")
    },
    read: async () => (await client.execute('SELECT id FROM shop.orders')).rows.map(row => String(row.id)),
  }
}

describe.each([
  ['kafka', kafkaWriter, {}],
  ['schema-registry', registryWriter, {}],
  // As it is set by default it may lose what it acknowledged in the last 100 ms: docs/stack.md.
  ['cassandra', cassandraWriter, { commitlog_sync: 'batch', commitlog_sync_period: null }],
] as const)('what %s has acknowledged', (kind, writer, settings) => {
  it('is still there after it was killed at once, and after it was stopped and has other ports', async () => {
    const { directory } = new Stack()
    const first = await startEngine(kind, { directory, settings })
    await writer(first.address).write()
    await first.kill()
    await first.start()
    expect(await writer(first.address).read()).toEqual(['kept'])
    await first.stop()
    const second = await startEngine(kind, { directory, settings })
    expect(second.address).not.toBe(first.address)
    expect(await writer(second.address).read()).toEqual(['kept'])
  })
})

describe('`stack up` that is killed', () => {
  const names = ['kafka', 'schema-registry', 'cassandra'] as const

  it.each(['preparing', 'starting', 'healthy'])(
    'after "%s" leaves no process that `status` and `down` do not know',
    async step => {
      const stack = new Stack()
      const up = stack.start('up', ...names, '--free-ports', '--native')
      for await (const text of up.stderr!) {
        if (String(text).includes(step)) break
      }
      up.kill('SIGKILL')
      await once(up, 'exit')
      // What prepares data ends by itself, within a second or two.
      await expect
        .poll(() => processesBelow(stack.state).length, { timeout: 20_000 })
        .toBe(findMarked(stack.tokens()).size)
      const known = [...findMarked(stack.tokens()).values()]
      expect(known.toSorted()).toEqual(processesBelow(stack.state).toSorted())
      await stack.run('status')

      if (step === 'starting') {
        // Another one takes over what runs.
        await stack.run('up', ...names, '--native')
        for (const name of names) {
          expect(await stack.status(name)).toMatchObject({ health: 'healthy' })
        }
        const pids = [...findMarked(stack.tokens()).values()]
        for (const pid of known) expect(pids).toContain(pid)
      }
      await stack.run('down')
      expect(processesBelow(stack.state)).toEqual([])
    },
  )
})

describe('Spark', () => {
  it('answers only who knows the token, which is kept from others and stays the same', async () => {
    const { directory } = new Stack()
    const heap = { spark: '512m' }
    const spark = await startEngine('spark', { directory, heap })
    const { tokenFile } = spark.connection as { readonly tokenFile: string }
    expect(statSync(tokenFile).mode & 0o777).toBe(0o600)
    const token = readFileSync(tokenFile, 'utf8')
    const commands = Object.values(spark.pids).map(pid => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
    expect(commands.filter(command => command.includes(token))).toEqual([])

    const wrong = join(directory, 'wrong')
    writeFileSync(wrong, 'guessed')
    const probe = (file: string, mark: string) =>
      probeSpark(spark.ports.client, { remote: spark.address, tokenFile: file }, mark, AbortSignal.timeout(60_000))
    const [service] = readStack(directory).engines.spark!.services
    await probe(tokenFile, service!.token)
    await expect(probe(wrong, service!.token)).rejects.toThrow('gRPC status 16')
    await expect(probe(tokenFile, randomUUID())).rejects.toThrow('another process answers there')

    await spark.kill()
    await spark.start()
    expect(readFileSync(tokenFile, 'utf8')).toBe(token)
  })
})

describe('two `stack up` at once', () => {
  it('start one engine', async () => {
    const stack = new Stack()
    const [one, two] = await Promise.all([stack.up('schema-registry'), stack.up('schema-registry')])
    expect([one.stderr, two.stderr].filter(text => text.includes('already up'))).toHaveLength(1)
    expect([one.stderr, two.stderr].filter(text => text.includes('waiting for it'))).toHaveLength(1)
    expect(processesBelow(stack.state)).toHaveLength(1)
  })
})

describe('a port that is taken', () => {
  it('is named with its holder, and nothing is started', async () => {
    const first = new Stack()
    await first.up('schema-registry')
    const { ports, details } = (await first.status('schema-registry'))!
    const second = new Stack()
    await expect(startEngine('schema-registry', { directory: second.directory, ports })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(`process ${details[0]!.pid}`),
    })
    expect(processesBelow(second.state)).toEqual([])
  })

  it('is refused for another kind of the same engine', async () => {
    const stack = new Stack()
    await stack.up('kafka-zookeeper')
    const { code, stderr } = await stack.end('up', 'kafka', '--native')
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('millrace stack down kafka') })
  })
})

describe('an engine that cannot start', () => {
  it('fails at once with what its log says', async () => {
    const stack = new Stack()
    const settings = { 'controller.listener.names': 'NONE' }
    const starting = startEngine('kafka', { directory: stack.directory, settings })
    await expect(starting).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: expect.stringMatching(/Kafka 4\.4\.0 ended while it started\.\n.*controller\.listener\.names/s),
    })
  })
})
