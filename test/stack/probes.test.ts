import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  probeAirflow,
  probeCassandra,
  probeKafka,
  probePostgres,
  probeRegistry,
  probeZooKeeper,
  requireNoBroker,
} from '../../src/stack/probes.ts'

/** A server that does `answer` with each request. Gives its port. */
async function serve(answer: (socket: Socket, request: Buffer) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', request => answer(socket, request))
  })
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

const patient = () => AbortSignal.timeout(60_000)

/** Length, correlation id, throttle time, number of brokers. */
function metadata(brokers: number, correlation = 1): Buffer {
  const bytes = Buffer.alloc(16)
  bytes.writeInt32BE(12, 0)
  bytes.writeInt32BE(correlation, 4)
  bytes.writeInt32BE(brokers, 12)
  return bytes
}

describe('the probe of Kafka', () => {
  it('asks for the metadata of no topics and succeeds when there is a broker', async () => {
    const requests: Buffer[] = []
    const port = await serve((socket, request) => {
      requests.push(request)
      socket.write(metadata(1))
    })
    await probeKafka(port, patient())
    expect(requests[0]!.readInt32BE(0)).toBe(requests[0]!.length - 4)
    expect(requests[0]!.subarray(4, 8)).toEqual(Buffer.from([0, 3, 0, 4]))
  })

  it('waits for an answer that comes in parts', async () => {
    const port = await serve(socket => {
      const whole = metadata(1)
      socket.write(whole.subarray(0, 3), () => setImmediate(() => socket.write(whole.subarray(3))))
    })
    await probeKafka(port, patient())
  })

  it.each([
    ['no broker is registered', metadata(0)],
    ['the answer is to another request', metadata(1, 2)],
  ])('fails when %s', async (_, answer) => {
    const port = await serve(socket => socket.write(answer))
    await expect(probeKafka(port, patient())).rejects.toThrow('no broker is registered yet')
  })
})

describe('any probe', () => {
  it('fails when nobody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await once(server.close(), 'close')
    await expect(probeCassandra(port, patient())).rejects.toThrow('ECONNREFUSED')
  })

  it('fails when the connection is closed without an answer', async () => {
    const port = await serve(socket => socket.end())
    await expect(probeKafka(port, patient())).rejects.toThrow('it closed the connection')
  })

  it('ends when it is told to, although a server says nothing', async () => {
    const abort = new AbortController()
    const port = await serve(() => abort.abort(new Error('enough')))
    await expect(probeCassandra(port, abort.signal)).rejects.toThrow('enough')
    await expect(probeCassandra(port, abort.signal)).rejects.toThrow('enough')
  })

  it('fails when the answer has no end', async () => {
    const port = await serve(socket => socket.write(Buffer.alloc(2 * 1024 * 1024, 'x')))
    await expect(probeZooKeeper(port, patient())).rejects.toThrow('the answer has no end')
  })
})

describe('the probe of Cassandra', () => {
  it.each([
    [6, null],
    [0, 'it answered with opcode 0'],
  ])('judges opcode %i', async (opcode, message) => {
    const port = await serve(socket => socket.write(Buffer.from([0x84, 0, 0, 0, opcode, 0, 0, 0, 0])))
    const probe = probeCassandra(port, patient())
    if (message === null) await probe
    else await expect(probe).rejects.toThrow(message)
  })
})

describe('ZooKeeper', () => {
  it('is healthy when it says its mode', async () => {
    const port = await serve(socket => socket.end('Zookeeper version: 3.8.4\nMode: standalone\n'))
    await probeZooKeeper(port, patient())
    const refusing = await serve(socket => socket.end('srvr is not executed because it is not in the whitelist.'))
    await expect(probeZooKeeper(refusing, patient())).rejects.toThrow('it closed the connection')
  })

  it('tells whether a broker is registered', async () => {
    const dump = (node: string) => serve(socket => socket.end(`ephemeral nodes dump:\n${node}\nConnections dump:\n`))
    await requireNoBroker(await dump('\t/controller'), patient())
    await expect(requireNoBroker(await dump('\t/brokers/ids/1'), patient())).rejects.toThrow('still registered')
  })
})

describe('the probe of a registry', () => {
  it.each([
    [200, '["users_created-value"]', null],
    [503, '', 'it answered with 503'],
    [200, '{}', 'something other than a list'],
  ])('judges %i %s', async (status, body, message) => {
    const server = createHttpServer((request, response) => {
      response.writeHead(request.url === '/subjects' ? status : 404).end(body)
    })
    onTestFinished(() => void server.close())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const probe = probeRegistry(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, patient())
    if (message === null) await probe
    else await expect(probe).rejects.toThrow(message)
  })
})

describe('the probe of PostgreSQL', () => {
  const who = { user: 'postgres', database: 'metadata' }

  function message(type: string, body: string): Buffer {
    const bytes = Buffer.from(`${type}0000${body}`)
    bytes.writeInt32BE(4 + body.length, 1)
    return bytes
  }

  it('says who it is, and succeeds when it is asked to authenticate', async () => {
    const requests: Buffer[] = []
    const port = await serve((socket, request) => {
      requests.push(request)
      socket.write(message('R', 'SASL'))
    })
    await probePostgres(port, who, patient())
    expect(requests[0]!.readInt32BE(0)).toBe(requests[0]!.length)
    expect(requests[0]!.toString('utf8', 8)).toBe('user\0postgres\0database\0metadata\0\0')
  })

  it('fails while the server starts, and says so', async () => {
    const port = await serve(socket => socket.write(message('E', 'SFATAL\0Mthe database system is starting up\0\0')))
    await expect(probePostgres(port, who, patient())).rejects.toThrow('Mthe database system is starting up')
  })
})

describe('the probe of Airflow', () => {
  const startedAt = '2026-11-23T12:00:00.000Z'
  const later = '2026-11-23T12:00:05.000000+00:00'
  const earlier = '2026-11-23T11:59:55.000000+00:00'

  async function probe(health: object) {
    const server = createHttpServer((_, response) => response.end(JSON.stringify(health)))
    onTestFinished(() => void server.close())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    await probeAirflow(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, startedAt, patient())
  }

  const healthy = {
    metadatabase: { status: 'healthy' },
    scheduler: { status: 'healthy', latest_scheduler_heartbeat: later },
    triggerer: { status: null, latest_triggerer_heartbeat: null },
    dag_processor: { status: 'healthy', latest_dag_processor_heartbeat: later },
  }

  it('succeeds when all components are healthy', async () => {
    await probe(healthy)
  })

  it.each([
    ['it does not reach PostgreSQL', { metadatabase: { status: 'unhealthy' } }],
    ['its scheduler gives no sign of life', { scheduler: { status: 'unhealthy', latest_scheduler_heartbeat: later } }],
    ['its scheduler gives no sign of life', { scheduler: { status: null, latest_scheduler_heartbeat: null } }],
    ['its scheduler gives no sign of life', { scheduler: { status: 'healthy', latest_scheduler_heartbeat: earlier } }],
    [
      'its dag-processor gives no sign of life',
      { dag_processor: { status: null, latest_dag_processor_heartbeat: null } },
    ],
  ])('fails since %s (%#)', async (problem, part) => {
    await expect(probe({ ...healthy, ...part })).rejects.toThrow(problem)
  })
})
