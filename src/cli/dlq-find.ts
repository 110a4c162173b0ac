import { createHash } from 'node:crypto'
import { type DeadLetterPosition, readDeadLetterTopic } from '../engine/dead-letter-topic.ts'
import type { DeadLetterOrigin } from '../engine/dead-letters.ts'
import type { LogAdmin } from '../ports/log.ts'
import { MillraceError } from '../sdk/errors.ts'

/** Ends the name of every dead-letter topic. */
const suffix = '.dlq'
/** Hexadecimal digits of a short id, and how many of them it takes to name a letter. */
const idLength = 12
const minIdLength = 4

/** A dead letter's id for the command line: its own is long and has characters that shells read. */
export function shortId(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, idLength)
}

/** Every dead-letter topic, or the one that is, or belongs to, `topic`. @throws MillraceError `TOPIC_UNKNOWN`. */
export async function deadLetterTopics(admin: LogAdmin, topic?: string): Promise<readonly string[]> {
  const names: string[] = []
  for (let after: string | null | undefined; after !== null; ) {
    const page = await admin.topics(after === undefined ? {} : { after })
    names.push(...page.items.map(({ name }) => name).filter(name => name.endsWith(suffix)))
    after = page.next
  }
  if (topic === undefined) return names
  const found = names.filter(name => name === topic || name === topic + suffix)
  if (found.length > 0) return found
  throw new MillraceError('TOPIC_UNKNOWN', `There is no topic ${topic} with dead letters.`, {
    fix: names.length === 0 ? 'Run `millrace apply` first.' : `Use one of: ${names.join(', ')}.`,
  })
}

/** A dead letter that someone named, and whether it was replayed. */
export interface NamedLetter {
  readonly id: string
  readonly topic: string
  /** Null if it was replayed. */
  readonly position: DeadLetterPosition | null
}

/** Finds letters by their ids or the first characters of their short ids. @throws MillraceError `NOT_FOUND`. */
export async function findLetters(admin: LogAdmin, names: readonly string[]): Promise<readonly NamedLetter[]> {
  const letters: NamedLetter[] = []
  for (const topic of await deadLetterTopics(admin)) {
    const { open, replayed } = await readDeadLetterTopic(admin, topic)
    for (const [id, position] of open) letters.push({ id, topic, position })
    for (const id of replayed) letters.push({ id, topic, position: null })
  }
  const short = new Map(letters.map(letter => [letter, shortId(letter.id)]))
  return names.map(name => {
    const byStart = (letter: NamedLetter) => name.length >= minIdLength && short.get(letter)!.startsWith(name)
    const found = letters.filter(letter => letter.id === name || byStart(letter))
    if (found.length === 1) return found[0]!
    const [first, second] = found
    if (first === undefined || second === undefined) {
      throw new MillraceError('NOT_FOUND', `There is no dead letter ${name}.`, {
        fix: 'See `millrace dlq list`; give at least the first four characters of an id.',
      })
    }
    throw new MillraceError('NOT_FOUND', `${found.length} dead letters start with ${name}.`, {
      fix: `Give more of it: ${short.get(first)} or ${short.get(second)}.`,
    })
  })
}

/** `users_created[2]@17`, or the run and the place in its pages. */
export function formatOrigin(origin: DeadLetterOrigin): string {
  if (origin.kind === 'topic') return `${origin.topic}[${origin.partition}]@${origin.offset}`
  return `${origin.runId} #${origin.index + 1} after ${origin.cursor === '' ? 'the start' : origin.cursor}`
}
