import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { MillraceError } from '../sdk/errors.ts'
import type { Engine } from '../stack/engine.ts'
import { engines } from '../stack/engines.ts'
import { withCompanions } from '../stack/needs.ts'
import type { Step } from '../stack/options.ts'
import { type EngineRecord, readStack } from '../stack/record.ts'
import { stackDown, stackReset, stackUp } from '../stack/stack.ts'
import type { CliContext } from './context.ts'
import {
  engineKindsOf,
  engineNamesOf,
  openStackSession,
  type StackSession,
  type StackUpOptions,
  signInFacts,
} from './stack-session.ts'
import { formatTable } from './table.ts'
import { formatElapsed } from './text.ts'

export async function stackUpCommand(
  command: Command,
  context: CliContext,
  names: readonly string[],
  options: StackUpOptions,
): Promise<void> {
  const { docker = false, native = false, freePorts = false, heap = {} } = options
  if (docker && native) {
    throw new MillraceError('CONFIG_INVALID', 'It is either --docker or --native.', {
      place: 'command line',
      fix: 'Leave one of them out.',
    })
  }
  const session = await openStackSession(command, context)
  const kinds = engineKindsOf(names, options)
  const how = docker ? 'docker' : native ? 'native' : null
  try {
    const records = await stackUp(kinds, how, {
      ...session.stack,
      ...progress(context),
      ...(freePorts && { ports: 'free' as const }),
      heap,
    })
    if (session.options.json) await context.stdout.json(records)
    else await printAddresses(records, session, context)
  } catch (thrown) {
    const started = Object.values(readStack(session.stack.directory).engines).filter(({ wanted }) => wanted === 'up')
    if (started.length > 0) {
      await context.stderr.line(
        'What has started goes on: `millrace stack status` shows it, `millrace stack down` stops it.',
      )
    }
    throw thrown
  }
}

export async function stackDownCommand(command: Command, context: CliContext, names: readonly string[]): Promise<void> {
  const session = await openStackSession(command, context)
  await stackDown(engineNamesOf(names), { ...session.stack, ...progress(context) })
  if (session.options.json) await context.stdout.json(readStack(session.stack.directory).engines)
}

export async function stackResetCommand(
  command: Command,
  context: CliContext,
  names: readonly string[],
  yes: boolean,
): Promise<void> {
  const session = await openStackSession(command, context)
  const chosen = withCompanions(engineNamesOf(names))
  if (!yes) await confirm(`Stop ${chosen.join(', ')} and delete all their data in ${session.stack.directory}?`, context)
  await stackReset(chosen, { ...session.stack, ...progress(context) })
  if (session.options.json) await context.stdout.json({ deleted: chosen })
  else await context.stderr.line(`Deleted the data of ${chosen.join(', ')}.`)
}

async function confirm(question: string, { stderr, signal }: CliContext): Promise<void> {
  const refused = new MillraceError('CONFIG_INVALID', 'Nothing was deleted.', {
    place: 'command line',
    fix: 'Answer y, or give --yes where there is no terminal to ask on.',
  })
  if (!process.stdin.isTTY || !stderr.isTerminal) throw refused
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await terminal.question(`${question} [y/N] `, { signal })
    if (!/^y(es)?$/i.test(answer.trim())) throw refused
  } finally {
    terminal.close()
  }
}

/** A line for each step, with the time since the command began where something is done. */
function progress({ stderr }: CliContext) {
  const begun = performance.now()
  const done: readonly Step[] = ['healthy', 'already up', 'stopped']
  return {
    onStep: ({ title }: Engine, step: Step) => {
      const isDone = done.includes(step)
      const mark = isDone ? stderr.style('green', '✓') : stderr.style('dim', '·')
      const elapsed = isDone ? stderr.style('dim', `  ${formatElapsed(performance.now() - begun)}`) : ''
      void stderr.line(`${mark} ${title}  ${step}${elapsed}`)
    },
    onWait: () => void stderr.line('Another `millrace stack` command is at work here; waiting for it.'),
  }
}

async function printAddresses(
  records: readonly EngineRecord[],
  { project }: StackSession,
  { stdout, stderr }: CliContext,
): Promise<void> {
  const rows = records.map(({ kind, address, title }) => [engines[kind].name, address, title])
  const columns = [{ title: 'engine' }, { title: 'address', whole: true }, { title: 'version' }]
  for (const line of formatTable(columns, rows, stdout.columns, text => stdout.style('dim', text)))
    await stdout.line(line)
  for (const { kind, connection } of records) {
    const facts = signInFacts(connection)
    if (facts !== null) await stderr.line(`${engines[kind].name}: ${facts}`)
  }
  const target = records.some(({ kind }) => engines[kind].name === 'spark') ? 'spark' : 'stack'
  const next = project !== null && target in project.config.targets ? `dev --target ${target}` : 'stack status'
  await stderr.line(`Next   millrace ${next}`)
  await stderr.line('Stop   millrace stack down')
}
