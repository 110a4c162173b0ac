import { readFileSync } from 'node:fs'
import { type Argument, Command, CommanderError } from 'commander'
import { MillraceError } from '../sdk/errors.ts'
import { addApplyCommand } from './apply.ts'
import { addBackfillCommand } from './backfill.ts'
import { addCancelCommand } from './cancel.ts'
import { addCheckCommand } from './check.ts'
import { addClearCommand } from './clear.ts'
import { type CliContext, exitCodes, Interrupted, openContext } from './context.ts'
import { addDevCommand } from './dev.ts'
import { addDlqCommand } from './dlq.ts'
import { printFailure } from './failure.ts'
import { addLogsCommand } from './logs.ts'
import { addCommonOptions } from './options.ts'
import { addPauseCommand, addUnpauseCommand } from './pause.ts'
import { addPlanCommand } from './plan.ts'
import { addRegistryCommand } from './registry.ts'
import { addRunCommand } from './run.ts'
import { addRunsCommand } from './runs.ts'
import { addSimulateCommand } from './simulate.ts'
import { addSqlCommand } from './sql.ts'
import { addStackCommand } from './stack.ts'
import { addStopCommand } from './stop.ts'
import { addTailCommand } from './tail.ts'
import { addTriggerCommand } from './trigger.ts'

/** What `bin/millrace.js` calls. */
export async function main(): Promise<void> {
  process.exitCode = await runCli(process.argv.slice(2), openContext())
}

/** Runs one command line and returns the exit code. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  const program = buildProgram(context)
  try {
    if (args.length === 0) program.outputHelp()
    else await program.parseAsync(args, { from: 'user' })
    if (context.exitCode !== null) return context.exitCode
    context.signal.throwIfAborted()
    return exitCodes.done
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return exitCodes.done
    // Half a command, such as `millrace dlq`: its help was printed on standard error.
    if (thrown instanceof CommanderError && thrown.code === 'commander.help') return exitCodes.refused
    // Whatever an interrupted command threw on its way out, this is why it ended.
    const reason = context.signal.aborted ? context.signal.reason : asUsageError(thrown)
    return reason instanceof Interrupted ? reason.exitCode : printFailure(reason, context, args.includes('--json'))
  }
}

export function buildProgram(context: CliContext): Command {
  const program = new Command('millrace')
  program
    .description('Streaming pipelines declared in one typed TypeScript file.')
    .usage('<command> [options]')
    .version(readVersion(), '--version', 'print the version')
    .helpOption('--help', 'print what a command does, with examples')
    .configureHelp({ showGlobalOptions: true, subcommandTerm: commandTerm })
    .helpCommand(false)
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .addHelpText('after', helpEnd)
  addCommonOptions(program)

  program.commandsGroup('Develop:')
  addDevCommand(program, context)
  addCheckCommand(program, context)
  addPlanCommand(program, context)
  addApplyCommand(program, context)
  program.commandsGroup('Run:')
  addRunCommand(program, context)
  addStopCommand(program, context)
  addTriggerCommand(program, context)
  addBackfillCommand(program, context)
  addCancelCommand(program, context)
  addClearCommand(program, context)
  addPauseCommand(program, context)
  addUnpauseCommand(program, context)
  addRunsCommand(program, context)
  addLogsCommand(program, context)
  program.commandsGroup('Look:')
  addSqlCommand(program, context)
  addTailCommand(program, context)
  addDlqCommand(program, context)
  program.commandsGroup('Engines:')
  addStackCommand(program, context)
  program.commandsGroup('Try:')
  addSimulateCommand(program, context)
  addRegistryCommand(program, context)
  return program
}

function commandTerm(command: Command): string {
  return [command.name(), ...command.registeredArguments.map(termOf)].join(' ')
}

function termOf(argument: Argument): string {
  const name = argument.name() + (argument.variadic ? '…' : '')
  return argument.required ? `<${name}>` : `[${name}]`
}

const helpEnd = `
Start here:
  millrace dev                  run the pipelines of this project and watch them
  millrace sql "SELECT …"       query their tables
  millrace tail <topic>         watch records arrive
  millrace <command> --help     what a command does, with examples

Exit codes:
  0    done
  1    failed; trying again may help
  2    wrong input or declaration; trying again does not help until it is corrected
  130  ended by Ctrl-C; 143: by SIGTERM; 141: the reader of a pipe had enough`

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/** What commander says about a command line, as our own kind of failure. */
function asUsageError(thrown: unknown): unknown {
  if (!(thrown instanceof CommanderError)) return thrown
  const [message = '', hint] = thrown.message.replace(/^error: /, '').split('\n')
  const suggestion = /^\(Did you mean (.+)\?\)$/.exec(hint ?? '')?.[1]
  return new MillraceError(
    'CONFIG_INVALID',
    `${message.charAt(0).toUpperCase()}${message.slice(1)}.`.replace(/\.\.$/, '.'),
    {
      place: 'command line',
      fix:
        suggestion === undefined
          ? 'See `millrace --help`, or `millrace <command> --help`.'
          : `Did you mean ${suggestion}?`,
    },
  )
}
