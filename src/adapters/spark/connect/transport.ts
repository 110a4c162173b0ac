import type { Client, requestCallback, ServiceError } from '@grpc/grpc-js'
import type { MethodDefinition, ServiceDefinition } from '@grpc/proto-loader'
import { MillraceError } from '../../../sdk/errors.ts'
import { addressOf, type Endpoint } from './endpoint.ts'
import { type Library, messageType } from './library.ts'
import type { Answers, ExecuteResponse, UploadSummary } from './messages.ts'
import { type RpcStatus, statusReader, toSparkError } from './status.ts'

/** The calls of Spark Connect, one exchange each: no repeats. Errors are `SparkError`, or the signal's reason. */
export interface Transport {
  /** `host:port`. */
  readonly address: string
  unary<M extends keyof Answers>(method: M, request: object, options: CallOptions): Promise<Answers[M]>
  /** Ends the call when the consumer stops. A slow consumer slows down the server. */
  stream(
    method: 'ExecutePlan' | 'ReattachExecute',
    request: object,
    options: CallOptions,
  ): AsyncIterable<ExecuteResponse>
  /** Takes a request from `requests` only when the last one was sent. */
  upload(requests: Iterable<object>, options: CallOptions): Promise<UploadSummary>
  /** Calls that are on their way end with their signals; no other can be made. */
  close(): void
}

export interface CallOptions {
  /** What is being done, to go after «could not», such as `run the query`. */
  readonly doing: string
  /** For the whole call, in milliseconds. */
  readonly limitMs: number
  readonly signal: AbortSignal
}

/** As Spark's own clients have it: a result comes in parts of 4 MiB, a plan may be large. In bytes. */
const maxMessageBytes = 128 * 1024 * 1024

/** Connects at the first call. */
export function openTransport({ grpc, protocol }: Library, endpoint: Endpoint): Transport {
  const service = protocol['spark.connect.SparkConnectService'] as ServiceDefinition
  const address = addressOf(endpoint)
  const credentials = endpoint.tls ? grpc.credentials.createSsl() : grpc.credentials.createInsecure()
  const client: Client = new grpc.Client(address, credentials, {
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    // Repeats are this client's to decide.
    'grpc.enable_retries': 0,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
    // Otherwise clients of one process share connections, also after one was closed.
    'grpc.use_local_subchannel_pool': 1,
  })
  const metadata = new grpc.Metadata()
  for (const [name, value] of Object.entries(endpoint.headers)) metadata.set(name, value)
  if (endpoint.token !== null) metadata.set('authorization', `Bearer ${endpoint.token}`)
  const readStatus = statusReader(
    messageType({ protocol }, 'google.rpc.Status'),
    messageType({ protocol }, 'google.rpc.ErrorInfo'),
  )

  const toError = (thrown: unknown, { doing, signal }: CallOptions): unknown => {
    if (signal.aborted) return signal.reason
    const error = thrown as ServiceError
    if (typeof error.code !== 'number') return thrown
    const [details] = error.metadata?.get('grpc-status-details-bin') ?? []
    const status: RpcStatus = {
      name: grpc.status[error.code] ?? 'UNKNOWN',
      message: error.details,
      details: Buffer.isBuffer(details) ? readStatus(details) : null,
    }
    return toSparkError(status, doing, address, error)
  }
  const until = ({ limitMs }: CallOptions) => ({ deadline: Date.now() + limitMs })

  /** A call that is answered once. @param send what is left to do when it has begun; `ended` resolves with its answer */
  async function answered<T, C extends { cancel(): void }>(
    options: CallOptions,
    begin: (answer: requestCallback<object>) => C,
    send: (call: C, ended: Promise<true>) => Promise<void> = async () => {},
  ): Promise<T> {
    options.signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const call = begin((error, answer) => (error === null ? resolve(answer as T) : reject(toError(error, options))))
    const cancel = () => call.cancel()
    options.signal.addEventListener('abort', cancel, { once: true })
    const ended = promise.then(
      () => true as const,
      () => true as const,
    )
    try {
      await send(call, ended)
      return await promise
    } finally {
      options.signal.removeEventListener('abort', cancel)
    }
  }

  return {
    address,
    async unary(method, request, options) {
      const { path, requestSerialize, responseDeserialize } = methodOf(service, method)
      return answered(options, answer =>
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, until(options), answer),
      )
    },
    async *stream(method, request, options) {
      const { path, requestSerialize, responseDeserialize } = methodOf(service, method)
      options.signal.throwIfAborted()
      const call = client.makeServerStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        until(options),
      )
      const cancel = () => call.cancel()
      options.signal.addEventListener('abort', cancel, { once: true })
      try {
        yield* call as AsyncIterable<ExecuteResponse>
      } catch (thrown) {
        throw toError(thrown, options)
      } finally {
        options.signal.removeEventListener('abort', cancel)
        // What is cancelled tells so once more.
        call.on('error', () => {})
        call.cancel()
      }
    },
    async upload(requests, options) {
      const { path, requestSerialize, responseDeserialize } = methodOf(service, 'AddArtifacts')
      const begin = (answer: requestCallback<object>) =>
        client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, metadata, until(options), answer)
      return answered(options, begin, async (call, ended) => {
        for (const request of requests) {
          if (call.write(request)) continue
          const { promise: drained, resolve: drain } = Promise.withResolvers<false>()
          call.once('drain', () => drain(false))
          if (await Promise.race([drained, ended])) return
        }
        call.end()
      })
    },
    close: () => client.close(),
  }
}

function methodOf(service: ServiceDefinition, name: string): MethodDefinition<object, object> {
  const method = service[name]
  if (method === undefined) throw new MillraceError('INVARIANT_BROKEN', `The protocol has no call ${name}.`)
  return method
}
