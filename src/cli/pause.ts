import type { Command } from 'commander'
import type { CliContext } from './context.ts'
import { addExamples } from './options.ts'
import { requireDag } from './runs.ts'
import { withSession } from './session.ts'
import { formatTime } from './text.ts'

export function addPauseCommand(program: Command, context: CliContext): void {
  const command = program
    .command('pause')
    .description('Let a DAG begin no runs until `unpause`; what runs goes on')
    .argument('<dag>', 'the DAG: the name of an ingest stage')
    .action((dag: string, _, self: Command) => setPaused(dag, true, self, context))
  addExamples(command, [['millrace pause user_automation', 'runs that are due or triggered stay queued']])
}

export function addUnpauseCommand(program: Command, context: CliContext): void {
  const command = program
    .command('unpause')
    .description('Let a paused DAG go on with its queued runs and its schedule')
    .argument('<dag>', 'the DAG: the name of an ingest stage')
    .action((dag: string, _, self: Command) => setPaused(dag, false, self, context))
  addExamples(command, [['millrace unpause user_automation', '']])
}

function setPaused(dag: string, paused: boolean, self: Command, context: CliContext): Promise<void> {
  return withSession(self, context, { state: 'require' }, async ({ options, target }) => {
    const { admin } = await target.orchestrator()
    await requireDag(admin, dag)
    await admin.pause(dag, paused)
    const { nextRunAt } = await requireDag(admin, dag)
    if (options.json) return context.stdout.json({ dag, paused, nextRunAt })
    const next = nextRunAt === null ? '' : ` Its next scheduled run: ${formatTime(nextRunAt)}.`
    await context.stderr.line(paused ? `${dag} is paused.` : `${dag} goes on.${next}`)
  })
}
