import { type Command, InvalidArgumentError } from 'commander'
import { parseRate } from '../sdk/quantities.ts'
import type { CliContext } from './context.ts'
import { printFailure } from './failure.ts'
import { addExamples, commonOptions } from './options.ts'
import { withSession } from './session.ts'

interface DevCommandOptions {
  /** Null for as fast as records are processed. An object, because commander takes a null for a missing value. */
  readonly pace?: { readonly recordsPerSecond: number | null }
}

export function addDevCommand(program: Command, context: CliContext): void {
  const command = program
    .command('dev')
    .description('Run a pipeline in this process, with its schedule, and watch it live')
    .argument('[pipeline]', 'name or file; default: the first of millrace.config.ts')
    .option('--pace <rate>', 'records a second to ask a source for, such as 500/s, or max', paceOption)
    .action(async (name: string | undefined, options: DevCommandOptions, self: Command) => {
      const { json, target: targetName } = commonOptions(self, context)
      await withSession(self, context, { state: 'create', mode: 'exclusive' }, async session => {
        const [pipeline] = await session.pipelines(
          name === undefined ? session.project.config.pipelines.slice(0, 1) : [name],
        )
        const { startDev } = await import('./dev/run-dev.ts')
        const { startView } = await import('./dev/start-view.ts')
        const quit = new AbortController()
        const { project, target, statePath } = session
        const signal = AbortSignal.any([context.signal, quit.signal])
        const dev = await startDev({
          ...{ project, pipeline: pipeline!, target, targetName, statePath, env: context.env, signal },
          recordsPerSecond: options.pace?.recordsPerSecond,
        })
        const view = startView({
          snapshot: () => dev.tracker.snapshot(target.clock.now()),
          stdout: process.stdout,
          stdin: process.stdin,
          json,
          env: context.env,
          clock: target.clock,
          on: {
            trigger: () => void dev.trigger().catch(thrown => printFailure(thrown, context, json)),
            // As with signals: a second time does not wait for anything.
            quit: () => (quit.signal.aborted ? process.exit(130) : quit.abort()),
          },
        })
        try {
          await dev.ended
        } finally {
          view.finish()
        }
        // Ctrl-C is how one leaves it, so it is no failure.
        context.exitCode = 0
      })
    })
  addExamples(command, [
    ['millrace dev', 'the first pipeline of this project'],
    ['millrace dev orders', 'another one'],
    ['millrace dev --pace max', 'as fast as records are processed'],
    ['millrace dev --json', 'what happens, a JSON document a line'],
  ])
}

function paceOption(text: string): { readonly recordsPerSecond: number | null } {
  if (text === 'max') return { recordsPerSecond: null }
  try {
    return { recordsPerSecond: parseRate(text) }
  } catch {
    throw new InvalidArgumentError('Write it as 500/s, or max.')
  }
}
