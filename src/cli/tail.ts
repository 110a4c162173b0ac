import { type Command, InvalidArgumentError, Option } from 'commander'
import type { CliContext } from './context.ts'
import { addExamples, timeOption, wholeNumber } from './options.ts'
import { withSession } from './session.ts'
import type { TailStart } from './tail-records.ts'

interface TailOptions {
  readonly from?: TailStart
  readonly limit?: number
  readonly partition?: number
  readonly follow: boolean
}

/** Records shown before following, unless `--from` says otherwise. */
const newestByDefault = 10

export function addTailCommand(program: Command, context: CliContext): void {
  const command = program
    .command('tail')
    .description('Print the records of a topic as JSON lines, decoded, and go on as they arrive')
    .argument('<topic>', 'such as users_created, or users_created.dlq')
    .option('--from <start>', `start, end, an offset or a time (default: the newest ${newestByDefault})`, fromOption)
    .option('--limit <n>', 'end after so many records', wholeNumber(1))
    .option('--partition <p>', 'only this one', wholeNumber(0))
    .addOption(new Option('--follow', 'go on as records arrive').default(true).hideHelp())
    .option('--no-follow', 'end at the last record there is')
    .action((topic: string, { from, limit, partition, follow }: TailOptions, self: Command) =>
      withSession(self, context, { state: 'require' }, async ({ target }) => {
        const { openRecordPrinter } = await import('./record-lines.ts')
        const { readRecords } = await import('./tail-records.ts')
        const log = await target.log()
        const records = readRecords(log.admin, {
          topic,
          partition: partition ?? null,
          from: from ?? { kind: 'newest', count: Math.min(newestByDefault, limit ?? newestByDefault) },
          follow,
          clock: target.clock,
          signal: context.signal,
        })
        const print = await openRecordPrinter(topic, await target.registry())
        let left = limit ?? Number.POSITIVE_INFINITY
        for await (const page of records) {
          for (const line of await print(page.slice(0, left))) await context.stdout.json(line)
          left -= page.length
          if (left <= 0) return
        }
      }),
    )
  addExamples(command, [
    ['millrace tail users_created', `the newest ${newestByDefault}, then each as it arrives`],
    ['millrace tail users_created --from start --no-follow', 'all there are'],
    ['millrace tail users_created --from 2026-03-01T10:00:00Z --limit 5', 'five from a point in time on'],
    ["millrace tail users_created | jq -r '.value.email'", 'one field'],
  ])
}

function fromOption(text: string): TailStart {
  if (text === 'start' || text === 'end') return { kind: text }
  if (/^\d{1,15}$/.test(text)) return { kind: 'offset', offset: Number(text) }
  try {
    return { kind: 'time', time: Date.parse(timeOption(text)) }
  } catch {
    throw new InvalidArgumentError('Give start, end, an offset such as 1200, or a time such as 2026-03-01T10:00:00Z.')
  }
}
