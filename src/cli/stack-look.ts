import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Command } from 'commander'
import { MillraceError } from '../sdk/errors.ts'
import { dockerLogs } from '../stack/docker.ts'
import { engines } from '../stack/engines.ts'
import { followLog, type LogFile, logFiles, readLastLines } from '../stack/logs.ts'
import { readStack } from '../stack/record.ts'
import { type EngineStatus, type Health, type ServiceStatus, stackStatus } from '../stack/stack.ts'
import type { CliContext } from './context.ts'
import type { Style } from './output.ts'
import {
  engineNamesOf,
  openStackSession,
  type StackLogsOptions,
  type StackSession,
  signInFacts,
} from './stack-session.ts'
import { type Cell, formatTable } from './table.ts'
import { formatElapsed, printable } from './text.ts'

export async function stackStatusCommand(command: Command, context: CliContext): Promise<void> {
  const { stdout, stderr } = context
  const session = await openStackSession(command, context)
  const statuses = await stackStatus(session.stack)
  if (session.options.json) return stdout.json(statuses)
  if (statuses.length === 0) return stderr.line('No engine was started here yet. Start them with `millrace stack up`.')
  const columns = [
    { title: 'engine' },
    { title: 'health' },
    { title: 'address', whole: true },
    { title: 'version' },
    { title: 'pid', align: 'right' as const, whole: true },
    { title: 'up for', align: 'right' as const },
    { title: 'memory', align: 'right' as const },
  ]
  const rows = statuses.flatMap(status => rowsOf(status, (style, text) => stdout.style(style, text)))
  for (const line of formatTable(columns, rows, stdout.columns, text => stdout.style('dim', text)))
    await stdout.line(line)
  for (const { kind, connection, wanted } of statuses) {
    const facts = signInFacts(connection)
    if (facts !== null && wanted === 'up') await stderr.line(`${engines[kind].name}: ${facts}`)
  }
  for (const { details } of statuses) {
    for (const { name, health, problem } of details.filter(each => each.problem !== null)) {
      await stderr.line(`${name} is ${health}: ${printable(problem ?? '')}`)
    }
  }
  if (statuses.some(({ health }) => health === 'dead')) {
    await stderr.line('`millrace stack up` starts what is dead again, with its data.')
  }
}

const healthStyles: { readonly [health in Health]: Style } = {
  healthy: 'green',
  unhealthy: 'yellow',
  dead: 'red',
  down: 'dim',
}

/** A line for each service: the first carries the engine's address. */
function rowsOf(status: EngineStatus, style: (style: Style, text: string) => string): readonly (readonly Cell[])[] {
  const { kind, address, title, health, details } = status
  const engine = engines[kind]
  const healthCell = (each: Health): Cell => ({ text: each, paint: text => style(healthStyles[each], text) })
  if (details.length === 0) return [[engine.name, healthCell(health), address, title, '–', '–', '–']]
  const own = (each: ServiceStatus) => each.name === engine.name
  return details
    .toSorted((a, b) => Number(own(b)) - Number(own(a)))
    .map(each => [
      each.name,
      healthCell(each.health),
      own(each) ? address : '',
      own(each) ? title : '',
      each.pid === null ? '–' : String(each.pid),
      each.pid === null || each.startedAt === null ? '–' : formatElapsed(Date.now() - Date.parse(each.startedAt)),
      each.residentBytes === null ? '–' : `${Math.round(each.residentBytes / 1024 / 1024)} MiB`,
    ])
}

export async function stackLogsCommand(
  command: Command,
  context: CliContext,
  names: readonly string[],
  options: StackLogsOptions,
): Promise<void> {
  const session = await openStackSession(command, context)
  const wanted = engineNamesOf(names)
  const records = Object.values(readStack(session.stack.directory).engines)
  const chosen = records.filter(({ kind }) => wanted.includes(engines[kind].name))
  if (chosen.length === 0) {
    throw new MillraceError('NOT_FOUND', 'Nothing was started here yet, so there are no logs.', {
      place: session.stack.directory,
      fix: 'Start it with `millrace stack up`.',
    })
  }
  const native = chosen.filter(({ runs }) => runs === 'native').map(({ kind }) => engines[kind])
  const docker = chosen.filter(({ runs }) => runs === 'docker').map(({ kind }) => engines[kind])
  const files = native.flatMap(engine => logFiles(session.stack.directory, engine))
  await Promise.all([
    printFiles(files, options, session, context),
    ...(docker.length > 0 ? [printDocker(docker, options, session, context)] : []),
  ])
}

async function printFiles(
  files: readonly LogFile[],
  { lines, follow = false }: StackLogsOptions,
  { options }: StackSession,
  { stdout, signal }: CliContext,
): Promise<void> {
  const services = new Set(files.map(({ service }) => service))
  const print = (service: string, line: string) => {
    if (options.json) return stdout.json({ service, line })
    return stdout.line(services.size > 1 ? `${stdout.style('cyan', service)}  ${printable(line)}` : printable(line))
  }
  const ends: number[] = []
  for (const { service, path } of files) {
    const { text, end } = readLastLines(path, lines)
    ends.push(end)
    for (const line of text) await print(service, line)
  }
  if (!follow) return
  await Promise.all(
    files.map(async ({ service, path }, index) => {
      for await (const line of followLog(path, ends[index]!, signal)) await print(service, line)
    }),
  )
}

async function printDocker(
  chosen: readonly (typeof engines)[keyof typeof engines][],
  { lines, follow = false }: StackLogsOptions,
  { stack }: StackSession,
  { env, signal }: CliContext,
): Promise<void> {
  const args = dockerLogs(chosen, stack.directory, ['--tail', String(lines), ...(follow ? ['--follow'] : [])])
  const docker = spawn('docker', args, { env, signal, stdio: ['ignore', 'inherit', 'inherit'] })
  await once(docker, 'close')
}
