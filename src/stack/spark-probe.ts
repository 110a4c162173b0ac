import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type ClientHttp2Session, connect } from 'node:http2'
import type { Connection } from './engine.ts'

/** The setting by which a server says which process it is. */
export const markProperty = 'spark.millrace.mark'

/** Of all probes: a server that runs for weeks has one session of theirs. */
const probeSession = '5a3c1f0e-9d5b-4d0c-8f57-6d1b7f3a2c10'

/** More than the answer has, in bytes. */
const maxAnswer = 64 * 1024

/**
 * Succeeds when the process with the mark answers the RPC Config. An open port says less: while a server that is being
 * stopped still has it, a new one's clients would talk to the old one.
 */
export async function probeSpark(
  port: number,
  connection: Connection,
  mark: string,
  signal: AbortSignal,
): Promise<void> {
  const token = 'tokenFile' in connection ? readFileSync(connection.tokenFile, 'utf8') : ''
  const session = connect(`http://127.0.0.1:${port}`)
  // It reaches whoever waits for the answer; without a listener it would end the process as well.
  session.on('error', () => {})
  const abort = () => session.destroy(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    signal.throwIfAborted()
    await once(session, 'connect')
    const answer = await call(session, '/spark.connect.SparkConnectService/Config', token, configRequest())
    signal.throwIfAborted()
    if (!answer.includes(mark)) throw new Error('another process answers there')
  } finally {
    signal.removeEventListener('abort', abort)
    session.destroy()
  }
}

/** One unary call of gRPC. @throws Error with its status if that is not OK. */
async function call(session: ClientHttp2Session, path: string, token: string, message: Buffer): Promise<Buffer> {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${token}`,
  })
  let status: unknown
  let said: unknown
  // Where there is no message, the status comes in place of the headers.
  for (const event of ['response', 'trailers'] as const) {
    stream.on(event, headers => {
      status = headers['grpc-status'] ?? status
      said = headers['grpc-message'] ?? said
    })
  }
  const length = Buffer.alloc(5)
  length.writeUInt32BE(message.length, 1)
  stream.end(Buffer.concat([length, message]))
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxAnswer) throw new Error('the answer has no end')
    chunks.push(chunk)
  }
  if (status !== '0') throw new Error(`it answered with gRPC status ${status}: ${said ?? 'no message'}`)
  return Buffer.concat(chunks)
}

/** ConfigRequest { session_id, user_context { user_id }, operation { get_option { keys } } } */
function configRequest(): Buffer {
  const getOption = field(4, field(1, Buffer.from(markProperty)))
  return Buffer.concat([
    field(1, Buffer.from(probeSession)),
    field(2, field(1, Buffer.from('millrace'))),
    field(3, getOption),
  ])
}

/** A field of a protocol buffer that has a length below 128. */
function field(number: number, value: Buffer): Buffer {
  const withLength = 2
  return Buffer.concat([Buffer.from([(number << 3) | withLength, value.length]), value])
}

/** Succeeds when the master is alive and has at least as many workers. */
export async function probeSparkMaster(port: number, workers: number, signal: AbortSignal): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/json/`, { signal })
  if (!response.ok) throw new Error(`it answered with ${response.status}`)
  const { status, aliveworkers } = (await response.json()) as { status?: unknown; aliveworkers?: unknown }
  if (status !== 'ALIVE') throw new Error(`the master is ${status}`)
  if (typeof aliveworkers !== 'number' || aliveworkers < workers) throw new Error('the worker is not registered yet')
}
