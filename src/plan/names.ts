import { MillraceError } from '../sdk/errors.ts'

/** For pipelines, stages, DAGs and tasks. @throws MillraceError `NAME_INVALID`. */
export function checkName(name: string, of: string): void {
  if (/^[a-z][a-z0-9_-]{0,199}$/.test(name)) return
  throw invalid(name, of, 'Use lower-case letters, digits, _ and -, starting with a letter, at most 200.')
}

/** Kafka's rules, less the room for `.dlq`. @throws MillraceError `NAME_INVALID`. */
export function checkTopicName(name: string): void {
  if (/^[A-Za-z0-9._-]{1,245}$/.test(name) && name !== '.' && name !== '..') return
  throw invalid(name, 'a topic', 'Use letters, digits, ., _ and -, at most 245.')
}

/** The parts of `<keyspace>.<table>`, by Cassandra's rules. @throws MillraceError `NAME_INVALID`. */
export function splitTableName(name: string): { readonly keyspace: string; readonly name: string } {
  const match = /^([a-z][a-z0-9_]{0,47})\.([a-z][a-z0-9_]{0,47})$/.exec(name)
  if (match === null) {
    throw invalid(name, 'a table', 'Write keyspace.table, each of lower-case letters, digits and _, at most 48.')
  }
  const [, keyspace, table] = match as unknown as [string, string, string]
  if (/^(main|temp|system|system_.*)$/.test(keyspace)) {
    throw invalid(name, 'a table', `Databases keep the keyspace ${keyspace} for themselves; use another.`)
  }
  if (table.startsWith('sqlite_'))
    throw invalid(name, 'a table', 'Databases keep names that start with sqlite_ for themselves.')
  return { keyspace, name: table }
}

/** @throws MillraceError `NAME_INVALID`. */
export function checkColumnName(name: string): void {
  if (/^[A-Za-z][A-Za-z0-9_]{0,47}$/.test(name)) return
  throw invalid(name, 'a column', 'Use letters, digits and _, starting with a letter, at most 48.')
}

function invalid(name: string, of: string, fix: string): MillraceError {
  return new MillraceError('NAME_INVALID', `${JSON.stringify(name)} cannot be the name of ${of}.`, { fix })
}
