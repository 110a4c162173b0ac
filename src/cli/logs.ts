import type { Command } from 'commander'
import type { LogLine, OrchestratorAdmin, Run } from '../ports/orchestrator.ts'
import { MillraceError } from '../sdk/errors.ts'
import type { CliContext } from './context.ts'
import { addExamples, wholeNumber } from './options.ts'
import type { Output } from './output.ts'
import { type Session, withSession } from './session.ts'
import { formatTime, printable } from './text.ts'

interface LogsOptions {
  readonly run?: string
  readonly attempt?: number
  readonly follow?: boolean
}

/** How often to look for new lines of a stage's log, in milliseconds. */
const pollMs = 1_000

export function addLogsCommand(program: Command, context: CliContext): void {
  const command = program
    .command('logs')
    .description('Print the log of a run, by default the newest attempt of the newest run, or of a stream stage')
    .argument('<dag|stage>', 'such as user_automation or spark_stream')
    .option('--run <id>', 'the run (default: the newest)')
    .option('--attempt <n>', 'the attempt (default: the newest)', wholeNumber(1))
    .option('--follow', 'go on as lines are written')
    .action((name: string, options: LogsOptions, self: Command) =>
      withSession(self, context, { state: 'require' }, async session => {
        const { stdout } = context
        const print = session.options.json
          ? (line: LogLine) => stdout.json(line)
          : (line: LogLine) => printLine(line, stdout)
        let lines = 0
        for await (const line of await findLog(session, name, options, context)) {
          lines += 1
          await print(line)
        }
        if (lines === 0) await context.stderr.line('No lines yet.')
      }),
    )
  addExamples(command, [
    ['millrace logs user_automation', 'the newest run of a DAG'],
    ['millrace logs user_automation --follow', 'until its attempt ends'],
    ['millrace logs spark_stream --follow', 'a stream stage, until Ctrl-C'],
  ])
}

async function findLog(
  session: Session,
  name: string,
  options: LogsOptions,
  context: CliContext,
): Promise<AsyncIterable<LogLine>> {
  const { admin } = await session.target.orchestrator()
  const dags = (await admin.dags({ limit: 1_000 })).items.map(({ plan }) => plan.id)
  if (dags.includes(name)) return attemptLog(admin, name, options, context)
  const stages = (await session.pipelines()).flatMap(({ plan }) => plan.stages.filter(({ kind }) => kind === 'stream'))
  const stage = stages.find(each => each.name === name || `${each.pipeline}/${each.name}` === name)
  if (stage === undefined) {
    const names = [...dags, ...stages.map(each => each.name)]
    throw new MillraceError('NOT_FOUND', `There is no DAG or stream stage ${name}.`, {
      fix: `Use one of: ${names.join(', ')}.`,
    })
  }
  return stageLog(session, stage.name, options.follow ?? false, context)
}

async function attemptLog(
  admin: OrchestratorAdmin,
  dag: string,
  options: LogsOptions,
  { stderr, signal }: CliContext,
): Promise<AsyncIterable<LogLine>> {
  const run = options.run === undefined ? await newestBegun(admin, dag) : await admin.run(dag, options.run)
  if (run.attempts === 0) {
    throw new MillraceError('NOT_FOUND', `The run ${run.runId} has not begun.`, {
      place: dag,
      fix: '`millrace dev` runs what is queued.',
    })
  }
  const attempt = options.attempt ?? run.attempts
  if (attempt > run.attempts) {
    throw new MillraceError('NOT_FOUND', `The run ${run.runId} has no attempt ${attempt}.`, {
      place: dag,
      fix: `Its attempts are 1 to ${run.attempts}.`,
    })
  }
  await stderr.line(stderr.style('dim', `${dag} ${run.runId}, attempt ${attempt} of ${run.attempts}, ${run.state}`))
  return admin.logs(dag, run.runId, attempt, { follow: options.follow ?? false, signal })
}

/** Of the newest runs; older ones than these are asked for by their ids. */
const newestRuns = 100

async function newestBegun(admin: OrchestratorAdmin, dag: string): Promise<Run> {
  const { items } = await admin.runs({ dag, limit: newestRuns })
  const run = items.find(({ attempts }) => attempts > 0)
  if (run !== undefined) return run
  throw new MillraceError('NOT_FOUND', `No run of ${dag} has begun.`, {
    place: dag,
    fix: `\`millrace dev\` runs what is queued; \`millrace trigger ${dag}\` queues a run.`,
  })
}

async function* stageLog(
  { target }: Session,
  stage: string,
  follow: boolean,
  { signal }: CliContext,
): AsyncGenerator<LogLine> {
  let shown: string | null = null
  for (;;) {
    const lines = target.stageLog(stage)
    const last = lines.findLastIndex(line => JSON.stringify(line) === shown)
    for (const line of lines.slice(last + 1)) {
      shown = JSON.stringify(line)
      yield line
    }
    if (!follow) return
    await target.clock.sleep(pollMs, signal)
  }
}

async function printLine({ at, level, text, facts }: LogLine, output: Output): Promise<void> {
  const styles = { info: 'dim', warn: 'yellow', error: 'red' } as const
  const more =
    typeof facts === 'object' && facts !== null && Object.keys(facts).length > 0 ? `  ${JSON.stringify(facts)}` : ''
  const time = output.style('dim', formatTime(at))
  await output.line(
    `${time}  ${output.style(styles[level], level.padEnd(5))}  ${printable(text)}${output.style('dim', printable(more))}`,
  )
}
