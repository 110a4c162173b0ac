import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { PlanInvalid } from '../plan/faults.ts'
import type { Plan } from '../plan/plan.ts'
import type { LoadedPipeline, Project } from '../project.ts'
import { MillraceError } from '../sdk/errors.ts'
import type { Target } from '../targets.ts'
import type { CliContext } from './context.ts'
import { type CommonOptions, commonOptions } from './options.ts'

/** A project and the adapters of the target a command was given. */
export interface Session {
  readonly options: CommonOptions
  readonly project: Project
  /** The target's name. */
  readonly targetName: string
  readonly target: Target
  /** Absolute. */
  readonly statePath: string
  pipelines(only?: readonly string[]): Promise<readonly LoadedPipeline[]>
}

export interface SessionOptions {
  /** What to do where there is no state directory yet: create it, or say what to run first. */
  readonly state: 'create' | 'require'
  /** Default `shared`. */
  readonly mode?: 'exclusive' | 'shared'
}

/** Opens what a command works on, and closes it when `work` has ended in any way. */
export async function withSession<T>(
  command: Command,
  context: CliContext,
  options: SessionOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const common = commonOptions(command, context)
  // Loaded here, so that `--help` does not wait for it.
  const { loadPipelines, loadProject, targetConfig } = await import('../project.ts')
  const { openTarget } = await import('../targets.ts')
  const project = await loadProject(common.project)
  const config = targetConfig(project, common.target)
  const statePath = statePathOf(common, project)
  if (options.state === 'require') requireState(statePath)
  const target = await openTarget({
    config,
    name: common.target,
    statePath,
    mode: options.mode ?? 'shared',
    projectDirectory: project.directory,
    env: context.env,
  })
  try {
    return await work({
      options: common,
      project,
      targetName: common.target,
      target,
      statePath,
      pipelines: only => loadPipelines(project, only),
    })
  } finally {
    await target.close()
  }
}

export function statePathOf(options: CommonOptions, project: Project): string {
  return options.state ?? join(project.directory, '.millrace')
}

function requireState(statePath: string): void {
  if (existsSync(statePath)) return
  throw new MillraceError('NOT_FOUND', 'Nothing has been created here yet.', {
    place: statePath,
    fix: 'Run `millrace dev` or `millrace apply` first, or name another directory with --state.',
  })
}

/** The plans of pipelines that are to be deployed together. @throws MillraceError `NAME_DUPLICATE` if they cannot be. */
export async function plansOf(pipelines: readonly LoadedPipeline[]): Promise<readonly Plan[]> {
  const { conflicts } = await import('../plan/conflicts.ts')
  const plans = pipelines.map(({ plan }) => plan)
  const found = conflicts(plans)
  if (found.length > 1) throw new PlanInvalid(plans.map(({ pipeline }) => pipeline).join(' and '), found)
  if (found[0] !== undefined) throw found[0]
  return plans
}

/** What a plan is deployed to. */
export async function deploymentPorts(target: Target) {
  return {
    log: await target.log(),
    registry: await target.registry(),
    tables: await target.tables(),
    orchestrator: await target.orchestrator(),
  }
}
