import { MillraceError } from '../../sdk/errors.ts'
import type { Json } from '../../sdk/json.ts'

/**
 * What is read of Airflow's answers, by the names of its OpenAPI file; a question mark allows null. A test on the installed
 * Airflow compares it with that file, so that its own generated types, 460 KB of them, need not be here.
 */
export const answers = {
  DAGResponse: { dag_id: 'string' },
  DAGDetailsResponse: {
    dag_id: 'string',
    is_paused: 'boolean',
    is_stale: 'boolean',
    doc_md: 'string?',
    next_dagrun_run_after: 'string?',
  },
  DAGRunResponse: {
    dag_id: 'string',
    dag_run_id: 'string',
    run_type: 'string',
    state: 'string',
    logical_date: 'string?',
    data_interval_start: 'string?',
    data_interval_end: 'string?',
    run_after: 'string',
    queued_at: 'string?',
    start_date: 'string?',
    end_date: 'string?',
    conf: 'object?',
    note: 'string?',
  },
  TaskInstanceResponse: {
    dag_id: 'string',
    dag_run_id: 'string',
    state: 'string?',
    try_number: 'integer',
  },
  TaskInstanceHistoryResponse: {
    state: 'string?',
    try_number: 'integer',
    max_tries: 'integer',
    start_date: 'string?',
    end_date: 'string?',
  },
  DryRunBackfillResponse: { logical_date: 'string?' },
  ImportErrorResponse: { timestamp: 'string', filename: 'string', stack_trace: 'string' },
} as const satisfies { readonly [schema: string]: { readonly [field: string]: Kind } }

type Kind = 'string' | 'string?' | 'integer' | 'boolean' | 'object?'

interface Kinds {
  readonly string: string
  readonly 'string?': string | null
  readonly integer: number
  readonly boolean: boolean
  readonly 'object?': { readonly [key: string]: Json } | null
}

export type AnswerName = keyof typeof answers

export type Answer<Name extends AnswerName> = {
  readonly [Field in keyof (typeof answers)[Name]]: Kinds[(typeof answers)[Name][Field] & Kind]
}

/** @throws MillraceError `ORCHESTRATOR_FAILED` if it is something else. */
export function readAnswer<Name extends AnswerName>(name: Name, json: Json): Answer<Name> {
  const fields: { readonly [field: string]: Kind } = answers[name]
  for (const [field, kind] of Object.entries(fields)) {
    const value = typeof json === 'object' && json !== null ? (json as { [key: string]: Json })[field] : undefined
    if (!matches(value, kind)) throw malformed(`${name}.${field} is ${JSON.stringify(value)?.slice(0, 80)}`)
  }
  return json as unknown as Answer<Name>
}

/** The list that an answer has under `key`. @throws MillraceError `ORCHESTRATOR_FAILED`. */
export function readAnswers<Name extends AnswerName>(name: Name, json: Json, key: string): readonly Answer<Name>[] {
  const list = (json as { [key: string]: Json } | null)?.[key]
  if (!Array.isArray(list)) throw malformed(`it has no list ${key}`)
  return list.map(each => readAnswer(name, each))
}

function matches(value: Json | undefined, kind: Kind): boolean {
  if (value === null) return kind.endsWith('?')
  const type = kind.replace('?', '')
  if (type === 'integer') return Number.isInteger(value)
  if (type === 'object') return typeof value === 'object' && !Array.isArray(value)
  return typeof value === type
}

function malformed(what: string): MillraceError {
  return new MillraceError('ORCHESTRATOR_FAILED', `Airflow's answer is not what its API says: ${what}.`, {
    fix: 'Check that `url` is that of an Airflow 3 API server, and what stands between.',
    retry: 'never',
  })
}
