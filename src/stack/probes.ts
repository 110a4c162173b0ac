import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'

/** More than any of these answers has, in bytes. */
const maxAnswer = 1024 * 1024

/** Succeeds when the broker names a broker that takes part in the cluster: Metadata, version 4, of no topics. */
export async function probeKafka(port: number, signal: AbortSignal): Promise<void> {
  const clientId = Buffer.from('millrace')
  const body = Buffer.concat([
    Buffer.from([0, 3, 0, 4, 0, 0, 0, 1, 0, clientId.length]),
    clientId,
    Buffer.from([0, 0, 0, 0, 0]),
  ])
  const request = Buffer.alloc(4 + body.length)
  request.writeInt32BE(body.length)
  body.copy(request, 4)
  const answer = await exchange(port, request, signal, bytes =>
    bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE() ? bytes.subarray(4) : null,
  )
  // Correlation id, throttle time, then the list of brokers.
  if (answer.readInt32BE(0) !== 1 || answer.readInt32BE(8) < 1) throw new Error('no broker is registered yet')
}

/** Succeeds when the server says in which mode it serves. */
export async function probeZooKeeper(port: number, signal: AbortSignal): Promise<void> {
  await exchange(port, Buffer.from('srvr'), signal, bytes => (bytes.includes('Mode: ') ? bytes : null))
}

/** Succeeds when no broker is registered, as one that was killed is until its session ends. */
export async function requireNoBroker(port: number, signal: AbortSignal): Promise<void> {
  const dump = await exchange(port, Buffer.from('dump'), signal, bytes =>
    // The part after the registered ones.
    bytes.includes('Connections dump:') ? bytes : null,
  )
  if (dump.includes('/brokers/ids/')) throw new Error('the broker that was killed is still registered')
}

/** Succeeds when the node answers OPTIONS with SUPPORTED, in version 4 of the native protocol. */
export async function probeCassandra(port: number, signal: AbortSignal): Promise<void> {
  const options = 5
  const supported = 6
  const answer = await exchange(port, Buffer.from([4, 0, 0, 0, options, 0, 0, 0, 0]), signal, bytes =>
    bytes.length >= 9 ? bytes : null,
  )
  if (answer[4] !== supported) throw new Error(`it answered with opcode ${answer[4]}`)
}

/** Succeeds when the list of subjects can be read. */
export async function probeRegistry(url: string, signal: AbortSignal): Promise<void> {
  const response = await fetch(`${url}/subjects`, { signal })
  if (!response.ok) throw new Error(`it answered with ${response.status}`)
  if (!Array.isArray(await response.json())) throw new Error('it answered with something other than a list')
}

/** Succeeds when the server asks who connects to authenticate, as it does once it has recovered. */
export async function probePostgres(
  port: number,
  { user, database }: { readonly user: string; readonly database: string },
  signal: AbortSignal,
): Promise<void> {
  const parameters = Buffer.from(['user', user, 'database', database, '', ''].join('\0'))
  const startup = Buffer.alloc(8 + parameters.length)
  startup.writeInt32BE(startup.length)
  const version3 = 0x30000
  startup.writeInt32BE(version3, 4)
  parameters.copy(startup, 8)
  const answer = await exchange(port, startup, signal, bytes =>
    bytes.length >= 5 && bytes.length >= 1 + bytes.readInt32BE(1) ? bytes : null,
  )
  const authentication = 'R'
  if (String.fromCharCode(answer[0]!) !== authentication) {
    throw new Error(`it answered: ${answer.toString('utf8', 5).split('\0').join(' ').trim()}`)
  }
}

/**
 * Succeeds when the API server says that it, the scheduler and the DAG processor are healthy.
 * @param startedAt ISO 8601: sooner signs of life are those of an earlier process
 */
export async function probeAirflow(url: string, startedAt: string, signal: AbortSignal): Promise<void> {
  const response = await fetch(`${url}/api/v2/monitor/health`, { signal })
  if (!response.ok) throw new Error(`it answered with ${response.status}`)
  const { metadatabase, scheduler, dag_processor } = (await response.json()) as AirflowHealth
  if (metadatabase.status !== 'healthy') throw new Error('it does not reach PostgreSQL')
  const components = [
    ['scheduler', scheduler.status, scheduler.latest_scheduler_heartbeat],
    ['dag-processor', dag_processor.status, dag_processor.latest_dag_processor_heartbeat],
  ] as const
  for (const [name, status, heartbeat] of components) {
    if (status !== 'healthy' || heartbeat === null || Date.parse(heartbeat) < Date.parse(startedAt)) {
      throw new Error(`its ${name} gives no sign of life`)
    }
  }
}

interface AirflowHealth {
  readonly metadatabase: { readonly status: string }
  readonly scheduler: { readonly status: string | null; readonly latest_scheduler_heartbeat: string | null }
  readonly dag_processor: { readonly status: string | null; readonly latest_dag_processor_heartbeat: string | null }
}

/**
 * Sends a request and collects the answer.
 * @param whole gives the answer once all of it is there, null before
 */
async function exchange(
  port: number,
  request: Buffer,
  signal: AbortSignal,
  whole: (bytes: Buffer) => Buffer | null,
): Promise<Buffer> {
  const socket: Socket = createConnection({ host: '127.0.0.1', port })
  const abort = () => socket.destroy(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    signal.throwIfAborted()
    await once(socket, 'connect')
    socket.write(request)
    let received = Buffer.alloc(0)
    for await (const chunk of socket) {
      received = Buffer.concat([received, chunk as Buffer])
      const answer = whole(received)
      if (answer !== null) return answer
      if (received.length > maxAnswer) throw new Error('the answer has no end')
    }
    throw new Error('it closed the connection')
  } finally {
    signal.removeEventListener('abort', abort)
    socket.destroy()
  }
}
