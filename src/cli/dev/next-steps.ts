import type { DevSnapshot } from './snapshot.ts'

/** Commands to try in another terminal; the query is shortened where it would be wider than `width`. */
export function nextSteps(
  { stages }: DevSnapshot,
  command: string,
  width = Number.POSITIVE_INFINITY,
): readonly string[] {
  const table = stages.find(({ kind }) => kind === 'stream')?.to
  const topic = stages.find(({ kind }) => kind === 'ingest')?.to
  const query = (end: string) => `${command} sql "SELECT * FROM ${table}${end}"`
  const limited = query(' LIMIT 5')
  return [
    ...(table === undefined ? [] : [limited.length <= width ? limited : query('')]),
    ...(topic === undefined ? [] : [`${command} tail ${topic}`]),
    `${command} runs`,
  ]
}
