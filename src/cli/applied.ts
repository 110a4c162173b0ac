import type { Plan } from '../plan/plan.ts'
import { MillraceError } from '../sdk/errors.ts'
import type { Target } from '../targets.ts'

/** A stage creates nothing: what it writes to must be what its plan says. Its DAG is not its concern: it may be run by hand. */
export async function requireApplied(plan: Plan, target: Target): Promise<void> {
  const { readData } = await import('../engine/deploy.ts')
  const { diff } = await import('../plan/diff.ts')
  const ports = { log: await target.log(), registry: await target.registry(), tables: await target.tables() }
  const steps = diff(plan, await readData(plan, ports))
  const undone = steps.filter(({ action, kind }) => action !== 'keep' && kind !== 'dag')
  const refused = undone.find(({ error }) => error !== undefined)
  if (refused?.error !== undefined) throw refused.error
  const [first] = undone
  if (first === undefined) return
  const what = first.action === 'create' ? 'does not exist' : 'is not as declared'
  throw new MillraceError('NOT_FOUND', `The ${first.kind} ${first.name} ${what}.`, {
    place: plan.pipeline,
    fix: 'Run `millrace apply` first; `millrace plan` shows what it would do.',
  })
}
