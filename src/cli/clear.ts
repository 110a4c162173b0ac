import type { Command } from 'commander'
import type { CliContext } from './context.ts'
import { addExamples } from './options.ts'
import { runLine } from './run-state.ts'
import { requireDag } from './runs.ts'
import { withSession } from './session.ts'

export function addClearCommand(program: Command, context: CliContext): void {
  const command = program
    .command('clear')
    .description('Queue a run again that has ended, under the same id and logical date')
    .argument('<dag>', 'the DAG: the name of an ingest stage')
    .argument('<run>', 'the id of the run')
    .action((dag: string, runId: string, _, self: Command) =>
      withSession(self, context, { state: 'require' }, async ({ options, target }) => {
        const { admin } = await target.orchestrator()
        const { paused } = await requireDag(admin, dag)
        const run = await admin.clear(dag, runId)
        if (options.json) return context.stdout.json(run)
        await context.stdout.line(runLine(run, context.stdout))
        if (paused) await context.stderr.line(`${dag} is paused: \`millrace unpause ${dag}\` lets it begin.`)
      }),
    )
  addExamples(command, [
    ['millrace clear user_automation manual__2026-03-01T00:00:00.000Z', 'one that failed goes on after its last page'],
  ])
}
