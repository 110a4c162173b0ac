import { type Command, Option } from 'commander'
import type { Clock } from '../ports/clock.ts'
import { inGroups } from '../ports/in-groups.ts'
import {
  type Attempt,
  type Dag,
  type OrchestratorAdmin,
  type Run,
  type RunState,
  runTransitions,
} from '../ports/orchestrator.ts'
import { MillraceError } from '../sdk/errors.ts'
import type { CliContext } from './context.ts'
import { printFault } from './failure.ts'
import { addExamples, wholeNumber } from './options.ts'
import type { Output } from './output.ts'
import { paintState } from './run-state.ts'
import { withSession } from './session.ts'
import { type Cell, formatTable, type TextColumn } from './table.ts'
import { countOf, formatCount, formatElapsed, formatTime, printable } from './text.ts'

interface RunsOptions {
  /** Not `--state`: that is the state directory. */
  readonly in?: RunState
  readonly limit?: number
  readonly run?: string
}

/** A run with its attempts, newest first. */
interface RunWithAttempts extends Run {
  readonly attemptList: readonly Attempt[]
}

const defaultLimit = 20
/** Runs whose newest attempts are asked for at once. */
const askedAtOnce = 8

export function addRunsCommand(program: Command, context: CliContext): void {
  const command = program
    .command('runs')
    .description('List runs, newest first, or show one with its attempts')
    .argument('[dag]', 'the DAG; default: all')
    .addOption(new Option('--in <state>', 'only runs in this state').choices(Object.keys(runTransitions)))
    .option('--limit <n>', `runs at most (default: ${defaultLimit})`, wholeNumber(1, 1_000))
    .option('--run <id>', 'show this one of the DAG with its attempts')
    .action((dag: string | undefined, given: RunsOptions, self: Command) =>
      withSession(self, context, { state: 'require' }, async ({ options, target }) => {
        const { admin } = await target.orchestrator()
        if (given.run !== undefined) {
          const run = await readRun(admin, dag, given.run)
          return options.json ? context.stdout.json(run) : printRun(run, target.clock, context)
        }
        const { in: state, limit = defaultLimit } = given
        if (dag !== undefined) await requireDag(admin, dag)
        const page = await admin.runs({
          limit,
          ...(dag === undefined ? {} : { dag }),
          ...(state === undefined ? {} : { state }),
        })
        const { items, next } = page
        if (options.json) return context.stdout.json({ runs: items, next })
        if (items.length === 0) return context.stderr.line('No runs. `millrace trigger <dag>` queues one.')
        await printRuns(await withNewestAttempt(admin, items), target.clock, context.stdout)
        const more = next === null ? '' : `; there are older ones: add --limit ${limit * 10}`
        await context.stderr.line(`${countOf(items.length, 'run')}${more}`)
      }),
    )
  addExamples(command, [
    ['millrace runs', 'the newest runs of every DAG'],
    ['millrace runs user_automation --in failed', 'those of one that failed'],
    ['millrace runs user_automation --run manual__2026-03-01T00:00:00.000Z', 'one, with its attempts'],
  ])
}

/** Names the DAGs there are, which the orchestrator's own error does not. @throws MillraceError `DAG_UNKNOWN`. */
export async function requireDag(admin: OrchestratorAdmin, dag: string): Promise<Dag> {
  const { items } = await admin.dags({ limit: 1_000 })
  const found = items.find(({ plan }) => plan.id === dag)
  if (found !== undefined) return found
  const names = items.map(({ plan }) => plan.id)
  throw new MillraceError('DAG_UNKNOWN', `There is no DAG ${dag}.`, {
    fix: names.length === 0 ? 'Run `millrace apply` first.' : `Use one of: ${names.join(', ')}.`,
  })
}

async function readRun(admin: OrchestratorAdmin, dag: string | undefined, runId: string): Promise<RunWithAttempts> {
  if (dag === undefined) {
    throw new MillraceError('CONFIG_INVALID', 'Which DAG is the run of?', {
      place: '--run',
      fix: 'Write `millrace runs <dag> --run <id>`.',
    })
  }
  await requireDag(admin, dag)
  const run = await admin.run(dag, runId)
  return { ...run, attemptList: await admin.attempts(dag, runId) }
}

function withNewestAttempt(admin: OrchestratorAdmin, runs: readonly Run[]): Promise<readonly RunWithAttempts[]> {
  return inGroups(runs, askedAtOnce, async run => ({
    ...run,
    attemptList: run.attempts === 0 ? [] : await admin.attempts(run.dag, run.runId, { limit: 1 }),
  }))
}

async function printRuns(runs: readonly RunWithAttempts[], clock: Clock, output: Output): Promise<void> {
  const columns: readonly TextColumn[] = [
    { title: 'dag' },
    { title: 'run', whole: true },
    { title: 'state', whole: true },
    { title: 'logical date', whole: true },
    { title: 'attempts', align: 'right' },
    { title: 'took', align: 'right', whole: true },
    { title: 'records', align: 'right', whole: true },
    { title: 'note' },
  ]
  const rows = runs.map(run => [
    run.dag,
    run.runId,
    stateCell(run.state, output),
    formatTime(run.logicalDate),
    formatCount(run.attempts),
    elapsed(run, clock),
    recordsOf(run.attemptList[0]),
    printable(run.note ?? ''),
  ])
  const used = columns.flatMap((_, index) => (rows.some(row => row[index] !== '') ? [index] : []))
  const pick = <T>(all: readonly T[]) => used.map(index => all[index]!)
  for (const line of formatTable(
    pick(columns),
    rows.map(row => pick(row)),
    output.columns,
    title => output.style('dim', title),
  )) {
    await output.line(line)
  }
}

function stateCell(state: RunState | Attempt['state'], output: Output): Cell {
  return { text: state, paint: text => text.replace(state, paintState(state, output)) }
}

async function printRun(run: RunWithAttempts, clock: Clock, { stdout }: CliContext): Promise<void> {
  const fact = (name: string, text: string) => stdout.line(`${stdout.style('dim', name.padEnd(12))}  ${text}`)
  await fact('run', `${run.dag} ${run.runId}`)
  await fact('state', paintState(run.state, stdout))
  await fact('kind', run.kind)
  await fact('logical date', formatTime(run.logicalDate))
  await fact('interval', `${formatTime(run.interval.start)} to ${formatTime(run.interval.end)}`)
  await fact('queued', formatTime(run.queuedAt))
  if (run.startedAt !== null) await fact('took', elapsed(run, clock))
  if (run.note !== null) await fact('note', printable(run.note))
  if (JSON.stringify(run.conf) !== '{}') await fact('conf', printable(JSON.stringify(run.conf)))
  for (const attempt of run.attemptList) {
    await stdout.line()
    await fact(`attempt ${attempt.attempt}`, paintState(attempt.state, stdout))
    if (attempt.startedAt !== null)
      await fact('started', `${formatTime(attempt.startedAt)}, took ${elapsed(attempt, clock)}`)
    if (attempt.result !== null) await fact('result', printable(JSON.stringify(attempt.result)))
    if (attempt.error !== null) await printFault(attempt.error, stdout)
  }
}

function elapsed({ startedAt, endedAt }: Pick<Run, 'startedAt' | 'endedAt'>, clock: Clock): string {
  if (startedAt === null) return ''
  const end = endedAt === null ? clock.now() : Date.parse(endedAt)
  return formatElapsed(Math.max(0, end - Date.parse(startedAt)))
}

/** What an ingest attempt says of itself; the result counts over all attempts of the run. */
function recordsOf(attempt: Attempt | undefined): string {
  const result = attempt?.result
  if (typeof result !== 'object' || result === null || !('appended' in result)) return ''
  return typeof result.appended === 'number' ? formatCount(result.appended) : ''
}
