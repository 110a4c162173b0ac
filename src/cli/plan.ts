import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { Step } from '../plan/diff.ts'
import type { Plan } from '../plan/plan.ts'
import { type CliContext, exitCodes } from './context.ts'
import { addExamples, commonOptions } from './options.ts'
import type { Output, Style } from './output.ts'
import { deploymentPorts, plansOf, statePathOf, withSession } from './session.ts'

export function addPlanCommand(program: Command, context: CliContext): void {
  const command = program
    .command('plan')
    .description('Show what apply would create, change, keep or refuse; changes nothing')
    .argument('[pipeline...]', 'names or files; default: all of millrace.config.ts')
    .action(async (only: string[], _, self: Command) => {
      const { json } = commonOptions(self, context)
      const planned = await planAll(self, context, only)
      if (json) await context.stdout.json({ pipelines: planned })
      else for (const each of planned) await printPlanned(each.plan, each.steps, context.stdout)
      const steps = planned.flatMap(each => each.steps)
      if (steps.some(({ action }) => action === 'refuse')) context.exitCode = exitCodes.refused
      else if (!json && steps.some(({ action }) => action !== 'keep')) {
        await context.stderr.line('Run `millrace apply` to do it; `millrace dev` does it at its start.')
      }
    })
  addExamples(command, [
    ['millrace plan', 'all pipelines of this project'],
    ['millrace plan users --json', 'the plan and the steps of one as JSON'],
  ])
}

interface Planned {
  readonly plan: Plan
  readonly steps: readonly Step[]
}

async function planAll(command: Command, context: CliContext, only: readonly string[]): Promise<readonly Planned[]> {
  const { diff } = await import('../plan/diff.ts')
  const { loadPipelines, loadProject, targetConfig } = await import('../project.ts')
  const { newStages, plannedStages } = await import('./stage-steps.ts')
  const options = commonOptions(command, context)
  const project = await loadProject(options.project)
  const config = targetConfig(project, options.target)
  const pipelines = await loadPipelines(project, only)
  const plans = await plansOf(pipelines)
  // Where there is no state directory nothing is deployed, and opening it to see that would create it.
  if (!existsSync(statePathOf(options, project))) {
    const nothing = { topics: [], subjects: [], tables: [], dags: [] }
    return Promise.all(
      plans.map(async plan => ({ plan, steps: [...diff(plan, nothing), ...(await newStages(config, plan))] })),
    )
  }
  return withSession(command, context, { state: 'require' }, async session => {
    const { target } = session
    const { readDeployed } = await import('../engine/deploy.ts')
    const ports = await deploymentPorts(target)
    const planned: Planned[] = []
    for (const plan of plans) {
      const stages = await plannedStages(session, pipelines, plan)
      planned.push({ plan, steps: [...diff(plan, await readDeployed(plan, ports)), ...stages] })
    }
    return planned
  })
}

async function printPlanned(plan: Plan, steps: readonly Step[], output: Output): Promise<void> {
  const { printPlan } = await import('../plan/print.ts')
  const styles: { readonly [sign: string]: Style } = { '+': 'green', '~': 'yellow', '✗': 'red', '=': 'dim' }
  for (const line of printPlan(plan, steps).split('\n')) {
    const style = styles[/^ {2}([+~=✗]) /.exec(line)?.[1] ?? '']
    await output.line(style === undefined ? line : output.style(style, line))
  }
  await output.line()
}
