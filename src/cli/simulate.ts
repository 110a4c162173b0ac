import { type Command, InvalidArgumentError } from 'commander'
import type { SimulatorOptions } from '../targets.ts'
import type { CliContext } from './context.ts'
import { interrupted } from './interrupted.ts'
import { addExamples, commonOptions, wholeNumber } from './options.ts'

type SimulatorFaults = NonNullable<SimulatorOptions['faults']>
type FaultName = Exclude<keyof SimulatorFaults, 'rateLimit'>

interface SimulateOptions {
  readonly port: number
  readonly seed?: string
  /** Users a minute. */
  readonly rateLimit?: number
  readonly fault?: SimulatorFaults
}

const defaultPort = 8089

/** What `--fault` calls each, and what it does. */
const faults: { readonly [name: string]: { readonly option: FaultName; readonly meaning: string } } = {
  429: { option: 'status429Every', meaning: '429 with Retry-After: 1' },
  500: { option: 'status500Every', meaning: '500 with a JSON error' },
  error: { option: 'errorEvery', meaning: '200 with an error in place of users' },
  malformed: { option: 'malformedEvery', meaning: '200 with JSON that breaks off' },
  truncate: { option: 'truncateEvery', meaning: 'the connection is cut half-way' },
  html: { option: 'htmlEvery', meaning: '200 with an HTML page' },
  hang: { option: 'hangEvery', meaning: 'no answer at all' },
  'bad-record': { option: 'badRecordEvery', meaning: 'a user that does not match the schema' },
}

export function addSimulateCommand(program: Command, context: CliContext): void {
  const command = program
    .command('simulate')
    .description('Serve made-up users the way the randomuser API does, until Ctrl-C')
    .option('--port <n>', 'TCP port on 127.0.0.1; 0 for any free one', wholeNumber(0, 65_535), defaultPort)
    .option('--seed <text>', 'for requests that bring no seed (default: millrace)')
    .option('--rate-limit <n>', 'users a minute; beyond it the answer is 429', wholeNumber(1))
    .option('--fault <name=n...>', 'let every n-th request fail, such as 429=10; see below', addFault)
    .addHelpText('after', faultHelp())
    .action(async ({ port, seed, rateLimit, fault }: SimulateOptions, self: Command) => {
      const { json } = commonOptions(self, context)
      const { startSimulator } = await import('../targets.ts')
      const limit = rateLimit === undefined ? {} : { rateLimit: { users: rateLimit, windowMs: 60_000 } }
      const simulator = await startSimulator({
        port,
        ...(seed === undefined ? {} : { seed }),
        faults: { ...fault, ...limit },
      })
      try {
        if (json) await context.stdout.json({ url: simulator.url })
        else await context.stdout.line(simulator.url)
        await context.stderr.line(`Try    curl '${simulator.url}?results=2&seed=any&inc=name,email'`)
        await context.stderr.line(`Use    RANDOM_USER_URL=${simulator.url} millrace dev`)
        await interrupted(context.signal)
      } finally {
        await simulator.close()
      }
    })
  addExamples(command, [
    ['millrace simulate', `on port ${defaultPort}`],
    ['millrace simulate --fault 429=10 500=25', 'with answers that fail now and then'],
    ['millrace simulate --rate-limit 5000', 'refuse more than 5,000 users a minute'],
  ])
}

function addFault(text: string, others: SimulatorFaults = {}): SimulatorFaults {
  const [, name = '', every = ''] = /^([a-z0-9-]+)=([1-9]\d{0,8})$/.exec(text) ?? []
  const fault = Object.hasOwn(faults, name) ? faults[name] : undefined
  if (fault === undefined) {
    throw new InvalidArgumentError(`Write it as 429=10. There are: ${Object.keys(faults).join(', ')}.`)
  }
  return { ...others, [fault.option]: Number(every) }
}

function faultHelp(): string {
  const lines = Object.entries(faults).map(([name, { meaning }]) => `  ${`${name}=n`.padEnd(14)}${meaning}`)
  return `\nFaults, each at every n-th request (bad-record: at every n-th user):\n${lines.join('\n')}`
}
