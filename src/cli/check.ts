import { relative, resolve } from 'node:path'
import type { Command } from 'commander'
import { conflicts } from '../plan/conflicts.ts'
import { type IngestPlan, type Plan, type StreamPlan, tableId } from '../plan/plan.ts'
import type { Project } from '../project.ts'
import { asMillraceError, MillraceError } from '../sdk/errors.ts'
import { formatDuration } from '../sdk/quantities.ts'
import { type CliContext, exitCodes } from './context.ts'
import { faultsOf, printFault } from './failure.ts'
import { addExamples, commonOptions } from './options.ts'
import type { Output } from './output.ts'
import { formatTable } from './table.ts'
import { countOf } from './text.ts'

/** A pipeline file as `check` found it. */
interface Checked {
  /** Relative to the project. */
  readonly file: string
  /** Null if the file could not even be loaded. */
  readonly pipeline: string | null
  readonly plan: Plan | null
  readonly faults: readonly MillraceError[]
}

export function addCheckCommand(program: Command, context: CliContext): void {
  const command = program
    .command('check')
    .description('Compile pipelines and report every fault; changes nothing')
    .argument('[pipeline...]', 'names or files; default: all of millrace.config.ts')
    .action(async (only: string[], _, self: Command) => {
      const options = commonOptions(self, context)
      const { loadProject } = await import('../project.ts')
      const project = await loadProject(options.project)
      const checked = await checkAll(project, only, context.cwd)
      const clashes = conflicts(checked.flatMap(({ plan }) => plan ?? []))
      if (options.json) await context.stdout.json({ pipelines: checked, conflicts: clashes })
      else await printChecked(checked, clashes, context)
      const faults = checked.flatMap(each => each.faults).length + clashes.length
      if (faults > 0) context.exitCode = exitCodes.refused
    })
  addExamples(command, [
    ['millrace check', 'all pipelines of this project'],
    ['millrace check users --json', 'the plan of one, or its faults, as JSON'],
  ])
}

async function checkAll(project: Project, only: readonly string[], cwd: string): Promise<readonly Checked[]> {
  const all: Checked[] = []
  // One after another and each on its own, so that the faults of one do not hide those of the next.
  for (const file of project.config.pipelines) all.push(await checkOne(project, file))
  if (only.length === 0) return all
  return only.map(name => {
    const file = relative(project.directory, resolve(cwd, name))
    const found = all.find(each => each.pipeline === name || each.file === file)
    if (found !== undefined) return found
    throw new MillraceError('NOT_FOUND', `There is no pipeline ${name}.`, {
      place: `${resolve(project.directory, 'millrace.config.ts')} › pipelines`,
      fix: `Use one of: ${all.map(each => each.pipeline ?? each.file).join(', ')}; or add its file there.`,
    })
  })
}

async function checkOne(project: Project, path: string): Promise<Checked> {
  const { loadPipelines } = await import('../project.ts')
  const absolute = resolve(project.directory, path)
  const file = relative(project.directory, absolute)
  try {
    const [loaded] = await loadPipelines(project, [absolute])
    return { file, pipeline: loaded!.declaration.name, plan: loaded!.plan, faults: [] }
  } catch (thrown) {
    const error = asMillraceError(thrown)
    const faults = faultsOf(error)
    // The faults of a declaration are at places within it, and its own place is its name.
    return { file, pipeline: faults[0] === error ? null : error.place, plan: null, faults }
  }
}

async function printChecked(
  checked: readonly Checked[],
  clashes: readonly MillraceError[],
  { stdout, stderr }: CliContext,
): Promise<void> {
  for (const { file, pipeline, plan, faults } of checked) {
    const name = pipeline === null ? '' : `${stdout.style('bold', pipeline)}  `
    if (plan !== null) {
      await stdout.line(`${stdout.style('green', '✓')} ${name}${stdout.style('dim', file)}`)
      await describePlan(plan, stdout)
      await stdout.line()
      continue
    }
    await stderr.line(`${name}${file}`)
    for (const fault of faults) await printFault(fault, stderr)
    await stderr.line()
  }
  for (const clash of clashes) await printFault(clash, stderr)
  const faults = checked.reduce((sum, each) => sum + each.faults.length, clashes.length)
  await stderr.line(`${countOf(checked.length, 'pipeline')}, ${faults === 0 ? 'no faults' : countOf(faults, 'fault')}.`)
}

/** What a pipeline has, a line each. */
export async function describePlan(plan: Plan, output: Output): Promise<void> {
  const rows = [
    ...plan.stages.map(stage => [stage.kind, stage.name, ...describeStage(stage, plan)]),
    ...plan.topics.map(({ name, value, key, partitions, retentionMs }) => {
      const facts = `key ${key}, ${countOf(partitions, 'partition')}, kept ${formatDuration(retentionMs)}`
      return ['topic', name, `${value.name}: ${countOf(value.fields.length, 'field')}`, facts]
    }),
    ...plan.tables.map(table => {
      const kind = table.appendOnly ? ', append only' : ''
      return [
        'table',
        tableId(table),
        countOf(table.columns.length, 'column'),
        `key ${table.primaryKey.join(', ')}${kind}`,
      ]
    }),
  ]
  const columns = ['', '', '', ''].map(title => ({ title }))
  for (const line of formatTable(columns, rows, null).slice(2)) await output.line(`  ${line}`)
}

function describeStage(stage: IngestPlan | StreamPlan, plan: Plan): readonly [string, string] {
  if (stage.kind === 'stream') return [`${stage.from} → ${stage.into}`, `group ${stage.group}`]
  const dag = plan.dags.find(({ id }) => id === stage.name)
  const schedule = dag?.scheduleText ?? 'only when triggered'
  const duration = stage.durationMs === null ? '' : `, ${formatDuration(stage.durationMs)} a run`
  return [`${stage.source.name} → ${stage.into}`, `${schedule}${duration}`]
}
