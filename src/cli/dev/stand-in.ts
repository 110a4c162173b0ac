import { asMillraceError } from '../../sdk/errors.ts'
import type { SourceNode } from '../../sdk/nodes.ts'
import type { Simulator, Target } from '../../targets.ts'
import type { SourceView } from './snapshot.ts'

/** How long `dev` waits for an API before a simulator stands in, in milliseconds. */
const probeMs = 3_000

export interface ChosenSource {
  readonly node: SourceNode
  readonly view: SourceView
  /** Null when records come from the declared address. */
  readonly simulator: Simulator | null
  /** With the simulator's address in place of the API's, if it stands in. */
  readonly env: NodeJS.ProcessEnv
}

export interface ChooseOptions {
  readonly target: Target
  readonly node: SourceNode
  /** Replaces the declared pace: records per second, or null for as fast as they are processed. */
  readonly recordsPerSecond: number | null | undefined
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
}

/**
 * Decides once, at the start of `dev`, where a source's records come from: the declared address or, where that cannot be
 * reached and a simulator is bundled for it, the simulator. Never decided silently: the view and every run say so.
 */
export async function chooseSource(options: ChooseOptions): Promise<ChosenSource> {
  const { target, env, signal } = options
  const node = paced(options.node, options.recordsPerSecond)
  const { urlEnv, url, paths } = node.settings
  const files = Array.isArray(paths) ? paths.join(', ') : null
  const declared = String((typeof urlEnv === 'string' && env[urlEnv]) || (url ?? files ?? node.name))
  const real: ChosenSource = { node, view: { address: declared, simulated: null }, simulator: null, env }
  if (!target.simulates(node) || typeof urlEnv !== 'string') return real
  const source = await target.source(node, env)
  try {
    await source.probe(AbortSignal.any([signal, AbortSignal.timeout(probeMs)]))
    return real
  } catch (thrown) {
    signal.throwIfAborted()
    const error = asMillraceError(thrown, 'SOURCE_TIMEOUT')
    if (error.code !== 'SOURCE_UNREACHABLE' && error.code !== 'SOURCE_TIMEOUT') return real
  } finally {
    await source.close()
  }
  const simulator = await target.simulator()
  const simulated = `${declared} cannot be reached, so the bundled simulator stands in for it.`
  return { node, view: { address: simulator.url, simulated }, simulator, env: { ...env, [urlEnv]: simulator.url } }
}

function paced(node: SourceNode, recordsPerSecond: number | null | undefined): SourceNode {
  if (recordsPerSecond === undefined || node.kind !== 'http') return node
  return { ...node, settings: { ...node.settings, recordsPerSecond } }
}
