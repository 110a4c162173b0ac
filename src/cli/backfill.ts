import type { Command } from 'commander'
import { mostBackfilled } from '../ports/run-request.ts'
import { MillraceError } from '../sdk/errors.ts'
import type { CliContext } from './context.ts'
import { addExamples, timeOption } from './options.ts'
import { requireDag } from './runs.ts'
import { withSession } from './session.ts'
import { countOf, formatCount, formatTime } from './text.ts'

interface BackfillOptions {
  readonly from: string
  readonly to: string
  readonly dryRun?: boolean
}

export function addBackfillCommand(program: Command, context: CliContext): void {
  const command = program
    .command('backfill')
    .description('Queue a run for each complete interval of a schedule that has none yet, the oldest first')
    .argument('<dag>', 'the DAG: the name of an ingest stage')
    .requiredOption('--from <time>', 'intervals that start at or after this: ISO 8601, or a day in UTC', timeOption)
    .requiredOption('--to <time>', 'and end at or before this', timeOption)
    .option('--dry-run', 'only print which they are')
    .action((dag: string, { from, to, dryRun = false }: BackfillOptions, self: Command) =>
      withSession(self, context, { state: 'require' }, async ({ options, target }) => {
        if (from >= to) {
          throw new MillraceError('CONFIG_INVALID', `The range from ${from} to ${to} holds nothing.`, {
            place: '--to',
            fix: 'Give a later --to.',
          })
        }
        const { admin } = await target.orchestrator()
        const { paused } = await requireDag(admin, dag)
        const intervals = await admin.backfill(dag, { from, to, dryRun })
        if (options.json) return context.stdout.json({ intervals, dryRun })
        for (const { start, end } of intervals) {
          await context.stdout.line(`${dag}  ${formatTime(start)} to ${formatTime(end)}`)
        }
        const { stderr } = context
        if (intervals.length === 0) return stderr.line('No complete interval of this range is without a run.')
        const runs = countOf(intervals.length, 'run')
        await stderr.line(dryRun ? `${runs} to queue.` : `${runs} queued; \`millrace runs ${dag}\` shows how they go.`)
        if (paused) await stderr.line(`${dag} is paused: \`millrace unpause ${dag}\` lets them begin.`)
        if (intervals.length === mostBackfilled) {
          const most = formatCount(mostBackfilled)
          await stderr.line(`A backfill takes ${most} at most: there may be more, for another when these have run.`)
        }
      }),
    )
  addExamples(command, [
    ['millrace backfill user_automation --from 2026-03-01 --to 2026-04-01 --dry-run', 'which days have no run'],
    ['millrace backfill user_automation --from 2026-03-01 --to 2026-04-01', 'runs for them'],
  ])
}
