import type { Command } from 'commander'
import { Replay, type ReplayOutcome } from '../engine/replay.ts'
import { MillraceError } from '../sdk/errors.ts'
import { stageDeclaration } from '../stages.ts'
import { type CliContext, exitCodes } from './context.ts'
import { deadLetterTopics, findLetters, shortId } from './dlq-find.ts'
import { type Session, withSession } from './session.ts'
import { countOf, printable } from './text.ts'

interface ReplayRequest {
  readonly all?: boolean
  readonly stage?: string
}

/** Dead letters to replay, by their topic; null for all of it. */
type Wanted = ReadonlyMap<string, readonly string[] | null>

export async function replayLetters(
  command: Command,
  context: CliContext,
  names: readonly string[],
  { all = false, stage }: ReplayRequest,
): Promise<void> {
  if (all === names.length > 0 || (stage !== undefined && !all)) {
    throw new MillraceError('CONFIG_INVALID', 'Which dead letters are to be replayed?', {
      place: 'command line',
      fix: 'Give their ids, or --all, or --all --stage <pipeline/stage>.',
    })
  }
  await withSession(command, context, { state: 'require' }, async session => {
    const counts = { replayed: 0, 'replayed-before': 0, failing: 0 }
    for (const [topic, ids] of await wantedLetters(session, names)) {
      for await (const { id, outcome } of replayTopic(session, topic, ids, stage ?? null, context.signal)) {
        counts[outcome.kind] += 1
        if (session.options.json) await context.stdout.json({ id: shortId(id), key: id, ...outcome })
        else await printOutcome(id, outcome, context)
      }
    }
    const before = counts['replayed-before'] === 0 ? '' : `, ${counts['replayed-before']} replayed before`
    await context.stderr.line(
      `${countOf(counts.replayed, 'dead letter')} replayed${before}, ${counts.failing} still failing`,
    )
    if (counts.failing > 0) context.exitCode = exitCodes.refused
  })
}

async function wantedLetters({ target }: Session, names: readonly string[]): Promise<Wanted> {
  const { admin } = await target.log()
  if (names.length === 0) return new Map((await deadLetterTopics(admin)).map(topic => [topic, null]))
  const found = await findLetters(admin, names)
  const byTopic = Map.groupBy(found, ({ topic }) => topic)
  return new Map([...byTopic].map(([topic, letters]) => [topic, letters.map(({ id }) => id)]))
}

async function* replayTopic(
  { target, pipelines }: Session,
  topic: string,
  ids: readonly string[] | null,
  stage: string | null,
  signal: AbortSignal,
): AsyncGenerator<{ readonly id: string; readonly outcome: ReplayOutcome }> {
  const loaded = await pipelines()
  const replay = await Replay.open({
    deadLetterTopic: topic,
    log: await target.log(),
    registry: await target.registry(),
    clock: target.clock,
    findStage: address => stageDeclaration(loaded, address),
  })
  try {
    for (const id of ids ?? [...replay.letters.open.keys()]) {
      signal.throwIfAborted()
      if (stage !== null && !id.startsWith(`${stage}|`)) continue
      yield { id, outcome: await replay.replay(id) }
    }
  } finally {
    await replay.close()
  }
}

async function printOutcome(id: string, outcome: ReplayOutcome, { stdout }: CliContext): Promise<void> {
  const short = shortId(id)
  switch (outcome.kind) {
    case 'replayed':
      return stdout.line(
        `${stdout.style('green', '✓')} ${short}  ${outcome.into === null ? 'left out by where now' : `in ${outcome.into} again`}`,
      )
    case 'replayed-before':
      return stdout.line(`${stdout.style('dim', '=')} ${short}  replayed before`)
    case 'failing': {
      const { code, message, place } = outcome.error
      const where = place === null ? '' : ` (${place})`
      return stdout.line(`${stdout.style('red', '✗')} ${short}  still fails: ${code} ${printable(message + where)}`)
    }
  }
}
