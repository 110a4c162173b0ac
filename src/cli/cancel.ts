import type { Command } from 'commander'
import type { CliContext } from './context.ts'
import { addExamples } from './options.ts'
import { runLine } from './run-state.ts'
import { requireDag } from './runs.ts'
import { withSession } from './session.ts'

export function addCancelCommand(program: Command, context: CliContext): void {
  const command = program
    .command('cancel')
    .description('End a run that is queued or running; what it has sent stays, and `clear` runs it again')
    .argument('<dag>', 'the DAG: the name of an ingest stage')
    .argument('<run>', 'the id of the run')
    .action((dag: string, runId: string, _, self: Command) =>
      withSession(self, context, { state: 'require' }, async ({ options, target }) => {
        const { admin } = await target.orchestrator()
        await requireDag(admin, dag)
        const run = await admin.cancel(dag, runId)
        if (options.json) return context.stdout.json(run)
        await context.stdout.line(runLine(run, context.stdout))
        if (run.state === 'running') await context.stderr.line('Its attempt was told to end; the run ends with it.')
      }),
    )
  addExamples(command, [['millrace cancel user_automation manual__2026-03-01T00:00:00.000Z', '']])
}
