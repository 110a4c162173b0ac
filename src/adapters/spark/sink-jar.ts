import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { MillraceError } from '../../sdk/errors.ts'

/** The jar that Spark writes to Cassandra with. @throws MillraceError `CONFIG_INVALID` if it has not been built. */
export function sinkJar(): string {
  // The same from `src` as from `dist`.
  const path = fileURLToPath(new URL('../../../dist/spark-sink/millrace-spark-sink.jar', import.meta.url))
  if (existsSync(path)) return path
  throw new MillraceError('CONFIG_INVALID', 'The Cassandra sink for Spark has not been built.', {
    place: path,
    fix: 'Run `npm run build:spark-sink`, which needs Maven and a JDK 17; the published package has it.',
  })
}
