import type { Command } from 'commander'
import type { Orchestrator, Run, TriggerRequest } from '../ports/orchestrator.ts'
import type { Json } from '../sdk/json.ts'
import type { Target } from '../targets.ts'
import { type CliContext, exitCodes } from './context.ts'
import { addExamples, jsonOption, timeOption } from './options.ts'
import { runLine } from './run-state.ts'
import { requireDag } from './runs.ts'
import { type Session, withSession } from './session.ts'

interface TriggerOptions {
  readonly runId?: string
  readonly logicalDate?: string
  readonly conf?: Json
  readonly wait?: boolean
}

/** How long a scheduler that serves the DAG may take to begin a run, in milliseconds. */
const beginMs = 2_000
/** How often to look whether a run went on, in milliseconds. */
const pollMs = 100

export function addTriggerCommand(program: Command, context: CliContext): void {
  const command = program
    .command('trigger')
    .description('Queue a run of a DAG; the scheduler of millrace dev runs it')
    .argument('<dag>', 'the DAG: the name of an ingest stage')
    .option('--run-id <id>', 'the same id gives the same run (default: manual__<logical date>)')
    .option('--logical-date <time>', 'ISO 8601 (default: now)', timeOption)
    .option('--conf <json>', 'what the run is told', jsonOption)
    .option('--wait', 'end when the run has, with exit code 1 unless it succeeded')
    .action((dag: string, { wait = false, ...request }: TriggerOptions, self: Command) =>
      withSession(self, context, { state: 'require' }, async session => {
        const { options, target } = session
        const orchestrator = await target.orchestrator()
        await requireDag(orchestrator.admin, dag)
        const queued = await orchestrator.trigger(dag, request satisfies TriggerRequest)
        if (!options.json) await context.stderr.line(`${dag} ${queued.runId} is ${queued.state}.`)
        const begun = await untilBegun(orchestrator, queued, target, context.signal)
        if (begun.state === 'queued') await explainQueued(orchestrator, begun, wait, context, scheduler(session))
        const run = wait ? await untilEnded(orchestrator, begun, target, context.signal) : begun
        if (options.json) await context.stdout.json(run)
        else await context.stdout.line(runLine(run, context.stdout))
        if (wait && run.state !== 'success') context.exitCode = exitCodes.failed
      }),
    )
  addExamples(command, [
    ['millrace trigger user_automation', 'a run now'],
    ['millrace trigger user_automation --logical-date 2026-03-01', 'the run of a day'],
    ['millrace trigger user_automation --wait', 'and wait for its end'],
  ])
}

async function untilBegun({ admin }: Orchestrator, queued: Run, { clock }: Target, signal: AbortSignal): Promise<Run> {
  const deadline = clock.elapsed() + beginMs
  let run = queued
  while (run.state === 'queued' && clock.elapsed() < deadline) {
    await clock.sleep(pollMs, signal)
    run = await admin.run(run.dag, run.runId)
  }
  return run
}

/** Whose part it is to begin a run that nothing else holds up. */
function scheduler({ project, options }: Session): string {
  return project.config.targets[options.target]?.orchestrator.adapter === 'airflow'
    ? 'Airflow has not begun it yet; its scheduler will.'
    : 'no scheduler serves this state directory. `millrace dev` does, and will run it.'
}

async function explainQueued(
  { admin }: Orchestrator,
  run: Run,
  wait: boolean,
  { stderr }: CliContext,
  reason: string,
): Promise<void> {
  const [before] = (await admin.runs({ dag: run.dag, state: 'running', limit: 1 })).items
  const dags = (await admin.dags()).items
  const paused = dags.find(({ plan }) => plan.id === run.dag)?.paused ?? false
  if (paused) await stderr.line(`It stays queued: ${run.dag} is paused. \`millrace unpause ${run.dag}\` lets it begin.`)
  else if (before !== undefined) await stderr.line(`It is queued behind ${before.runId}, which is running.`)
  else await stderr.line(`It stays queued: ${reason}`)
  if (wait) await stderr.line('Waiting; Ctrl-C ends the waiting and leaves the run as it is.')
}

async function untilEnded({ admin }: Orchestrator, begun: Run, { clock }: Target, signal: AbortSignal): Promise<Run> {
  let run = begun
  while (run.state === 'queued' || run.state === 'running') {
    await clock.sleep(pollMs, signal)
    run = await admin.run(run.dag, run.runId)
  }
  return run
}
