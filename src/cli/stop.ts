import type { Command } from 'commander'
import { MillraceError } from '../sdk/errors.ts'
import type { CliContext } from './context.ts'
import { addExamples, durationOption } from './options.ts'
import { withSession } from './session.ts'

export function addStopCommand(program: Command, context: CliContext): void {
  const command = program
    .command('stop')
    .description('Stop a stream stage that goes on by itself, as on Spark; the next start goes on where it was')
    .argument('<pipeline/stage>', 'the stage, such as users/spark_stream')
    .option('--drain-timeout <time>', 'wait so long for its batch in hand (default: 30s)', durationOption)
    .action((address: string, { drainTimeout = 30_000 }: { readonly drainTimeout?: number }, self: Command) =>
      withSession(self, context, { state: 'require' }, async session => {
        const { options, target, targetName } = session
        const { findStage } = await import('../stages.ts')
        const { streamStages } = await import('./stream-stages.ts')
        const { pipeline, stage } = findStage(await session.pipelines(), address)
        if (target.runsStagesHere || stage.kind === 'ingest') {
          throw new MillraceError('STAGE_UNKNOWN', `${address} ends with the process that runs it.`, {
            place: `target ${targetName}`,
            fix: 'Press Ctrl-C there, or send that process SIGTERM.',
          })
        }
        const processor = await target.processor(streamStages(session, [pipeline]))
        const { state } = await processor.status(address)
        await processor.drain(address, drainTimeout)
        const stopped = state !== 'stopped' && state !== 'failed'
        if (options.json) await context.stdout.json({ stage: address, stopped })
        else await context.stderr.line(stopped ? `${address} is stopped.` : `${address} did not run.`)
      }),
    )
  addExamples(command, [['millrace stop users/spark_stream --target spark', 'what `millrace apply` started']])
}
