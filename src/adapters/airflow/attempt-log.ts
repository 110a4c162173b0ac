import type { LogLevel } from '../../ports/logger.ts'
import type { LogLine } from '../../ports/orchestrator.ts'
import type { Json } from '../../sdk/json.ts'
import { orNull, taskPath } from './api.ts'
import type { Client } from './client.ts'

export interface AttemptAddress {
  readonly dag: string
  readonly runId: string
  readonly task: string
  readonly attempt: number
}

/** All that is in an attempt's log by now. */
export async function readLog(
  client: Client,
  { dag, runId, task, attempt }: AttemptAddress,
): Promise<readonly LogLine[]> {
  const path = `${taskPath(dag, runId, task)}/logs/${attempt}`
  const json = await orNull(client.call({ method: 'GET', path, query: { full_content: true } }))
  const { content = [] } = (json ?? {}) as { content?: readonly Json[] }
  return content.flatMap(each => toLine(each) ?? [])
}

/** Null for what Airflow's own viewer folds away. */
function toLine(entry: Json): LogLine | null {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return null
  const { event, timestamp, level, ...rest } = entry as { readonly [key: string]: Json }
  if (typeof event !== 'string' || event.startsWith('::')) return null
  const facts = rest.error_detail === undefined ? {} : { error: rest.error_detail }
  return {
    at: typeof timestamp === 'string' ? new Date(timestamp).toISOString() : new Date(0).toISOString(),
    level: readLevel(level),
    // The level that our own lines begin with has become Airflow's.
    text: event.replace(/^(info|warn|error) {1,2}/, ''),
    facts,
  }
}

function readLevel(level: Json | undefined): LogLevel {
  if (level === 'error' || level === 'critical') return 'error'
  return level === 'warning' ? 'warn' : 'info'
}
