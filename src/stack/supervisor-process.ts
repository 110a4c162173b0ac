import { markVariable } from './process.ts'
import { type Supervision, supervise } from './supervisor.ts'

/** The program of a supervisor: its last argument is a `Supervision`, as JSON. SIGTERM ends it and what it runs. */
const stop = new AbortController()
process.on('SIGTERM', () => stop.abort())

await supervise({
  ...(JSON.parse(process.argv.at(-1)!) as Supervision),
  token: process.env[markVariable]!,
  env: process.env,
  stop: stop.signal,
  say: line => process.stdout.write(`${new Date().toISOString()} ${line}\n`),
})
// Nothing else is waited for.
process.exit()
