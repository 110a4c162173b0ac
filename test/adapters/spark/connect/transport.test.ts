import * as grpc from '@grpc/grpc-js'
import type { ServiceDefinition } from '@grpc/proto-loader'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parseRemote } from '../../../../src/adapters/spark/connect/endpoint.ts'
import { loadLibrary, messageType } from '../../../../src/adapters/spark/connect/library.ts'
import { Session } from '../../../../src/adapters/spark/connect/session.ts'
import { openTransport } from '../../../../src/adapters/spark/connect/transport.ts'
import { systemClock } from '../../../../src/adapters/system/clock.ts'
import { seededRandom } from '../../../../src/adapters/system/seeded-random.ts'

/** A server with these answers, and a transport to it with the token `secret`. */
async function connect(handlers: grpc.UntypedServiceImplementation) {
  const library = await loadLibrary()
  const server = new grpc.Server()
  const service = library.protocol['spark.connect.SparkConnectService'] as ServiceDefinition
  const none = (_: unknown, answer: (error: object) => void) => answer({ code: grpc.status.UNIMPLEMENTED })
  const missing = Object.fromEntries(Object.keys(service).map(name => [name, none]))
  server.addService(service, { ...missing, ...handlers })
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const credentials = grpc.ServerCredentials.createInsecure()
  server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error === null ? resolve(port) : reject(error)))
  const transport = openTransport(library, parseRemote(`sc://127.0.0.1:${await promise}/;x-who=me`, 'secret'))
  onTestFinished(() => {
    transport.close()
    server.forceShutdown()
  })
  return { library, transport }
}

const patient = () => ({ doing: 'answer', limitMs: 30_000, signal: new AbortController().signal })

describe('a call', () => {
  it('carries the token and further metadata', async () => {
    const { transport } = await connect({
      Config: (call: grpc.ServerUnaryCall<object, object>, answer: grpc.sendUnaryData<object>) => {
        const value = [...call.metadata.get('authorization'), ...call.metadata.get('x-who')].join()
        answer(null, { pairs: [{ key: 'seen', value }] })
      },
    })
    const { pairs } = await transport.unary('Config', {}, patient())
    expect(pairs).toMatchObject([{ key: 'seen', value: 'Bearer secret,me' }])
  })

  it('that fails says what Spark says', async () => {
    const metadata = new grpc.Metadata()
    const { library, transport } = await connect({
      AnalyzePlan: (_: unknown, answer: grpc.sendUnaryData<object>) =>
        answer({ code: grpc.status.INTERNAL, details: 'cut off', metadata }),
    })
    const info = messageType<object>(library, 'google.rpc.ErrorInfo')
    const value = info.serialize({ metadata: { errorClass: 'DIVIDE_BY_ZERO', sqlState: '22012' } })
    const details = [{ type_url: 'type.googleapis.com/google.rpc.ErrorInfo', value }]
    metadata.set('grpc-status-details-bin', messageType<object>(library, 'google.rpc.Status').serialize({ details }))
    await expect(transport.unary('AnalyzePlan', {}, patient())).rejects.toMatchObject({
      ...{ code: 'PROCESSOR_REFUSED', errorClass: 'DIVIDE_BY_ZERO', sqlState: '22012', place: transport.address },
    })
  })

  it('has a limit of time', async () => {
    const { transport } = await connect({ Config: () => {} })
    const call = transport.unary('Config', {}, { ...patient(), limitMs: 50 })
    await expect(call).rejects.toMatchObject({ code: 'PROCESSOR_UNREACHABLE', status: 'DEADLINE_EXCEEDED' })
  })

  it('to nobody says so', async () => {
    const transport = openTransport(await loadLibrary(), parseRemote('sc://127.0.0.1:1'))
    onTestFinished(() => transport.close())
    const call = transport.unary('Config', {}, patient())
    await expect(call).rejects.toMatchObject({ code: 'PROCESSOR_UNREACHABLE', retry: 'later', outcome: 'unknown' })
  })

  it.each(['unary', 'stream'] as const)('ends with the reason when it is aborted: %s', async kind => {
    const ended = Promise.withResolvers<void>()
    const abort = new AbortController()
    const handler = (call: grpc.ServerUnaryCall<object, object>) => {
      call.on('cancelled', () => ended.resolve())
      abort.abort(new Error('enough'))
    }
    const { transport } = await connect({ Config: handler, ExecutePlan: handler })
    const options = { ...patient(), signal: abort.signal }
    const call =
      kind === 'unary'
        ? transport.unary('Config', {}, options)
        : transport.stream('ExecutePlan', {}, options)[Symbol.asyncIterator]().next()
    await expect(call).rejects.toThrow('enough')
    await ended.promise
  })

  it('is ended on the server when its reader stops', async () => {
    const ended = Promise.withResolvers<void>()
    const { transport } = await connect({
      ExecutePlan: (call: grpc.ServerWritableStream<object, object>) => {
        call.on('cancelled', () => ended.resolve())
        call.write({ response_id: '1' })
      },
    })
    for await (const { response_id } of transport.stream('ExecutePlan', {}, patient())) {
      expect(response_id).toBe('1')
      break
    }
    await ended.promise
  })
})

describe('a session', () => {
  it('ends what runs when it is closed, and when the caller’s signal aborts', async () => {
    const released: unknown[] = []
    const { transport } = await connect({
      ExecutePlan: (call: grpc.ServerWritableStream<object, object>) => void call.write({ response_id: '1' }),
      ReleaseExecute: (call: grpc.ServerUnaryCall<{ release: string }, object>, answer: grpc.sendUnaryData<object>) => {
        released.push(call.request.release)
        answer(null, {})
      },
    })
    const session = new Session(transport, 'me', { clock: systemClock, random: seededRandom('session') })
    const abort = new AbortController()
    const aborted = session.run({}, 'run it', { signal: abort.signal })
    const closed = session.run({}, 'run it')
    await Promise.all([aborted.next(), closed.next()])
    const ends = Promise.all([aborted.next(), closed.next()].map(each => each.catch(thrown => thrown)))
    abort.abort(new Error('enough'))
    await session.close()
    expect(await ends).toMatchObject([{ message: 'enough' }, { code: 'QUERY_CANCELLED' }])
    expect(released.filter(each => each === 'release_all')).toHaveLength(2)
    await expect(session.version()).rejects.toMatchObject({ code: 'QUERY_CANCELLED' })
  })
})
