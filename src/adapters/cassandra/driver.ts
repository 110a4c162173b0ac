import type * as cassandra from 'cassandra-driver'
import { MillraceError } from '../../sdk/errors.ts'

/** The client library, as `import()` gives it. */
export type Driver = typeof cassandra.default

/** Loads the client only where a target uses Cassandra: it is an optional dependency. @throws MillraceError `CONFIG_INVALID`. */
export async function loadDriver(): Promise<Driver> {
  try {
    const module = await import('cassandra-driver')
    return module.default
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new MillraceError('CONFIG_INVALID', 'The client for Cassandra is not installed.', {
      place: 'cassandra',
      fix: 'Run `npm install cassandra-driver@4.10.0`.',
      cause,
    })
  }
}
