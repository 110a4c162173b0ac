import type { Command } from 'commander'
import { type DeadLetterPosition, readDeadLetter, readDeadLetterTopic } from '../engine/dead-letter-topic.ts'
import type { DeadLetter } from '../engine/dead-letters.ts'
import { MillraceError } from '../sdk/errors.ts'
import type { CliContext } from './context.ts'
import { deadLetterTopics, findLetters, formatOrigin, shortId } from './dlq-find.ts'
import type { Output } from './output.ts'
import { toText } from './record-lines.ts'
import { withSession } from './session.ts'
import { formatTable, type TextColumn } from './table.ts'
import { countOf, formatTime, printable } from './text.ts'

interface ShownLetter {
  readonly position: DeadLetterPosition
  readonly letter: DeadLetter
}

export async function listLetters(
  command: Command,
  context: CliContext,
  topic: string | undefined,
  limit: number,
): Promise<void> {
  await withSession(command, context, { state: 'require' }, async ({ options, target }) => {
    const { admin } = await target.log()
    const newest: DeadLetterPosition[] = []
    let open = 0
    let replayed = 0
    for (const each of await deadLetterTopics(admin, topic)) {
      const letters = await readDeadLetterTopic(admin, each, context.signal)
      newest.push(...[...letters.open.values()].slice(-limit))
      open += letters.open.size
      replayed += letters.replayed.size
    }
    newest.sort((a, b) => b.appendedAt - a.appendedAt || b.offset - a.offset)
    const shown: ShownLetter[] = []
    for (const position of newest.slice(0, limit))
      shown.push({ position, letter: await readDeadLetter(admin, position) })
    if (options.json) return context.stdout.json({ deadLetters: shown.map(toJson), open, replayed })
    if (shown.length > 0) await printList(shown, context.stdout)
    const before = replayed === 0 ? '' : `, ${replayed} replayed`
    const more = open > shown.length ? `; the newest ${shown.length} are shown: add --limit` : ''
    await context.stderr.line(`${countOf(open, 'dead letter')}${before}${more}`)
    if (shown.length > 0) await context.stderr.line('Next: millrace dlq show <id>, millrace dlq replay <id>')
  })
}

export async function showLetter(command: Command, context: CliContext, name: string): Promise<void> {
  await withSession(command, context, { state: 'require' }, async ({ options, target }) => {
    const { admin } = await target.log()
    const [found] = await findLetters(admin, [name])
    if (found?.position == null) {
      throw new MillraceError('NOT_FOUND', `The dead letter ${name} was replayed; what it was is in its topic.`, {
        fix: `See \`millrace tail ${found?.topic} --from start --no-follow\`.`,
      })
    }
    const shown = { position: found.position, letter: await readDeadLetter(admin, found.position) }
    if (options.json) await context.stdout.json(toJson(shown))
    else await printLetter(shown, context.stdout)
  })
}

function toJson({ position, letter }: ShownLetter) {
  const { id, stage, origin, code, reason, key, value, headers } = letter
  return {
    id: shortId(id),
    key: id,
    stage,
    origin,
    code,
    reason,
    appendedAt: new Date(position.appendedAt).toISOString(),
    record: { key, value, headers },
  }
}

async function printList(letters: readonly ShownLetter[], output: Output): Promise<void> {
  const columns: readonly TextColumn[] = [
    { title: 'id', whole: true },
    { title: 'when', whole: true },
    { title: 'stage', whole: true },
    { title: 'code', whole: true },
    { title: 'reason' },
  ]
  const rows = letters.map(({ position, letter }) => [
    shortId(letter.id),
    formatTime(position.appendedAt),
    letter.stage,
    letter.code,
    printable(letter.reason),
  ])
  for (const line of formatTable(columns, rows, output.columns, title => output.style('dim', title))) {
    await output.line(line)
  }
}

/** Bytes of a value shown; `--json` has all of them. */
const shownBytes = 4_096

async function printLetter({ position, letter }: ShownLetter, output: Output): Promise<void> {
  const fact = (name: string, text: string) => output.line(`${output.style('dim', name.padEnd(6))}  ${text}`)
  const { id, stage, origin, code, reason, key, value, headers } = letter
  await fact('id', shortId(id))
  await fact('stage', stage)
  await fact('from', printable(formatOrigin(origin)))
  await fact('when', formatTime(position.appendedAt))
  await fact('code', `${code}  (docs/errors.md)`)
  await fact('reason', printable(reason))
  if (key !== null) await fact('key', shownText(key))
  for (const [name, header] of Object.entries(headers ?? {}))
    await fact('header', `${printable(name)}: ${shownText(header)}`)
  await fact('value', value === null ? 'null (deletes the key)' : `${countOf(value.length, 'byte')}`)
  if (value !== null) await output.line(shownText(value.subarray(0, shownBytes)))
  if (value !== null && value.length > shownBytes) await output.line('… all of it with --json')
}

/** Text, or bytes in hexadecimal. */
function shownText(bytes: Uint8Array): string {
  const text = toText(bytes)
  return typeof text === 'string' ? printable(text) : Buffer.from(bytes).toString('hex')
}
