import type { Command } from 'commander'
import type { Step } from '../plan/diff.ts'
import type { CliContext } from './context.ts'
import { addExamples } from './options.ts'
import type { Output } from './output.ts'
import { deploymentPorts, plansOf, withSession } from './session.ts'
import { countOf, cutText, formatElapsed } from './text.ts'

export function addApplyCommand(program: Command, context: CliContext): void {
  const command = program
    .command('apply')
    .description('Create what is missing and change what can be; a second time changes nothing')
    .argument('[pipeline...]', 'names or files; default: all of millrace.config.ts')
    .action((only: string[], _, self: Command) =>
      withSession(self, context, { state: 'create' }, async session => {
        const { options, target } = session
        const startedAt = performance.now()
        const { applyPlan, readDeployed } = await import('../engine/deploy.ts')
        const { diff } = await import('../plan/diff.ts')
        const { targetConfig } = await import('../project.ts')
        const { planRefusals } = await import('../targets.ts')
        const { deployStages } = await import('./stage-steps.ts')
        const ports = await deploymentPorts(target)
        const applied: { readonly pipeline: string; readonly steps: readonly Step[] }[] = []
        const pipelines = await session.pipelines(only)
        const plans = await plansOf(pipelines)
        // One that is refused must keep the others from being applied too (G8).
        for (const plan of plans) {
          const [refusal] = await planRefusals(targetConfig(session.project, options.target), plan)
          if (refusal !== undefined) throw refusal
          for (const { error } of diff(plan, await readDeployed(plan, ports))) if (error !== undefined) throw error
        }
        for (const plan of plans) {
          const steps = [...(await applyPlan(plan, ports)), ...(await deployStages(session, pipelines, plan))]
          applied.push({ pipeline: plan.pipeline, steps })
          if (!options.json) await printSteps(plan.pipeline, steps, context.stdout)
        }
        if (options.json) return context.stdout.json({ pipelines: applied })
        const done = applied.flatMap(each => each.steps).filter(isDone).length
        const took = formatElapsed(performance.now() - startedAt)
        await context.stderr.line(done === 0 ? 'Nothing to do.' : `${countOf(done, 'step')} done in ${took}.`)
      }),
    )
  addExamples(command, [
    ['millrace apply', 'all pipelines of this project'],
    ['millrace apply users --state /tmp/try', 'one, in another state directory'],
  ])
}

function isDone({ action }: Step): boolean {
  return action === 'create' || action === 'change'
}

const verbs = {
  stage: { create: 'started', change: 'restarted' },
  other: { create: 'created', change: 'changed' },
} as const

async function printSteps(pipeline: string, steps: readonly Step[], output: Output): Promise<void> {
  const done = steps.filter(isDone)
  if (done.length === 0) {
    await output.line(`${output.style('bold', pipeline)} is as declared: ${countOf(steps.length, 'thing')} kept.`)
    return
  }
  await output.line(output.style('bold', pipeline))
  const width = Math.max(...done.map(({ kind }) => kind.length))
  for (const { action, kind, name, details } of done) {
    const verb = verbs[kind === 'stage' ? 'stage' : 'other'][action === 'create' ? 'create' : 'change']
    const start = `${verb} ${kind.padEnd(width)}  ${name}`
    const room = output.columns === null ? Number.POSITIVE_INFINITY : output.columns - start.length - 6
    const facts = room < 10 ? '' : `  ${cutText(details.join(', '), room)}`
    await output.line(`  ${output.style('green', '✓')} ${start}${output.style('dim', facts)}`.trimEnd())
  }
}
