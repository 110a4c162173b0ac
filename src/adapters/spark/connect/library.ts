import { fileURLToPath } from 'node:url'
import type * as Grpc from '@grpc/grpc-js'
import type { MessageTypeDefinition, PackageDefinition } from '@grpc/proto-loader'
import { MillraceError } from '../../../sdk/errors.ts'

/** The libraries of gRPC, and the protocol as they understand it. */
export interface Library {
  readonly grpc: typeof Grpc
  readonly protocol: PackageDefinition
}

/** `proto/` of the package, beside `src` as well as beside `dist`. */
const directory = fileURLToPath(new URL('../../../../proto/', import.meta.url))

/** Loads the clients only where a target uses Spark: they are optional. @throws MillraceError `CONFIG_INVALID`. */
export async function loadLibrary(): Promise<Library> {
  try {
    const [grpc, { load }] = await Promise.all([import('@grpc/grpc-js'), import('@grpc/proto-loader')])
    const protocol = await load(['spark-connect.proto', 'google-rpc.proto'], {
      includeDirs: [directory],
      keepCase: true,
      longs: String,
      enums: String,
      defaults: true,
      oneofs: true,
    })
    return { grpc, protocol }
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new MillraceError('CONFIG_INVALID', 'The client for Spark is not installed.', {
      place: 'spark',
      fix: 'Run `npm install @grpc/grpc-js@1.14.7 @grpc/proto-loader@0.8.1`.',
      cause,
    })
  }
}

/** A message of the protocol by its full name. */
export function messageType<T extends object>(
  { protocol }: Pick<Library, 'protocol'>,
  name: string,
): MessageTypeDefinition<T, T> {
  const type = protocol[name]
  if (type?.format !== 'Protocol Buffer 3 DescriptorProto') {
    throw new MillraceError('INVARIANT_BROKEN', `The protocol has no message ${name}.`)
  }
  return type as unknown as MessageTypeDefinition<T, T>
}
