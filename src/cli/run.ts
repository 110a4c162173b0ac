import v8 from 'node:v8'
import type { Command } from 'commander'
import type { TaskExit } from '../ports/orchestrator.ts'
import { type CliContext, exitCodes } from './context.ts'
import { printFault } from './failure.ts'
import { addExamples, durationOption, intervalOption, timeOption, wholeNumber } from './options.ts'
import { endWithParent } from './parent.ts'
import { withSession } from './session.ts'
import { failedExit, type RunOptions } from './stage-run.ts'

export function addRunCommand(program: Command, context: CliContext): void {
  const command = program
    .command('run')
    .description('Run one stage in this process: what a scheduler or a container starts')
    .argument('<pipeline/stage>', 'the stage, such as users/spark_stream')
    .option('--run-id <id>', 'ingest: id of the run (default: manual__<logical date>)')
    .option('--logical-date <time>', 'ingest: ISO 8601; one date always reads the same (default: now)', timeOption)
    .option(
      '--attempt <n>',
      'ingest: from 2 on, go on where the attempt before stopped (default: 1)',
      wholeNumber(1, 1000),
    )
    .option('--cleared', 'ingest: the run was cleared since; one that had finished starts over')
    .option(
      '--interval <start/end>',
      'ingest: the data interval (default: starts and ends at the date)',
      intervalOption,
    )
    .option('--duration <time>', 'ingest: stream this long in place of what is declared, such as 60s', durationOption)
    .option(
      '--drain-timeout <time>',
      'stream: on SIGTERM, finish what is in hand within it (default: 10s)',
      durationOption,
    )
    .option('--until-caught-up', 'stream: end when every record is processed')
    .option('--with-parent', 'end, as by SIGTERM, when the process that started this one has gone')
    .addHelpText('after', runHelp)
    .action(async (address: string, given: Partial<RunOptions>, self: Command) => {
      const defaults = { attempt: 1, cleared: false, withParent: false, drainTimeout: 10_000, untilCaughtUp: false }
      const options = { ...defaults, ...given }
      if (options.withParent) endWithParent()
      const exit = await runStage(self, context, address, options).catch(thrown => {
        context.signal.throwIfAborted()
        return failedExit(thrown, null)
      })
      if (exit.kind !== 'done') await printFault(exit.error, context.stderr)
      await context.stdout.json({ stage: address, ...exit })
      const code = { done: exitCodes.done, retry: exitCodes.failed, never: exitCodes.refused }[exit.kind]
      // One that was interrupted before it was done ends as its signal has it.
      if (!context.signal.aborted || exit.kind === 'done') context.exitCode = code
    })
  addExamples(command, [
    ['millrace run users/user_automation --duration 10s', 'one run of an ingest stage'],
    ['millrace run users/spark_stream', 'a stream stage, until SIGTERM or Ctrl-C'],
    ['millrace run users/spark_stream --until-caught-up', 'a stream stage, until nothing is left to do'],
  ])
}

async function runStage(
  command: Command,
  context: CliContext,
  address: string,
  options: RunOptions,
): Promise<TaskExit> {
  return withSession(command, context, { state: 'require' }, async session => {
    const { findStage } = await import('../stages.ts')
    const { pipeline, stage } = findStage(await session.pipelines(), address)
    const attempt = { session, context, pipeline, options }
    if (stage.kind === 'ingest') {
      const { runIngestAttempt } = await import('./run-ingest.ts')
      return runIngestAttempt({ ...attempt, stage })
    }
    // With one heap in the process, more of its garbage may wait: see docs/decisions/0006-how-it-runs.md.
    v8.setFlagsFromString('--heap-growing-percent=80')
    const { runStreamUntilEnd } = await import('./run-stream.ts')
    return runStreamUntilEnd({ ...attempt, stage })
  })
}

const runHelp = `
The last line of standard output is JSON:
  {"stage":…,"kind":"done","result":{…}}               exit code 0
  {"stage":…,"kind":"retry","error":{…},"result":{…}}  exit code 1: another attempt may succeed
  {"stage":…,"kind":"never","error":{…},"result":{…}}  exit code 2: no attempt will before something is corrected
A stream stage that was told to stop and could finish what it had in hand is done. One whose log, registry or table cannot be
used waits and goes on by itself; with --json a line {"kind":"state","state":"paused","error":{…}} says why.`
