import type { Command } from 'commander'
import type { QueryResult } from '../ports/table.ts'
import type { CliContext } from './context.ts'
import { addExamples, wholeNumber } from './options.ts'
import type { Output } from './output.ts'
import { toJsonText } from './output.ts'
import { withSession } from './session.ts'
import { type Cell, fitsTable, formatRecords, formatTable } from './table.ts'
import { countOf, formatElapsed, printable } from './text.ts'

interface SqlOptions {
  readonly limit?: number
  readonly csv?: boolean
}

const defaultLimit = 1_000

export function addSqlCommand(program: Command, context: CliContext): void {
  const command = program
    .command('sql')
    .description('Query the tables, read only')
    .argument('<statement>', 'one statement, in quotes')
    .option('--limit <n>', `rows at most (default: ${formatLimit(defaultLimit)})`, wholeNumber(1, 1_000_000))
    .option('--csv', 'print comma-separated values: a null is empty, empty text is ""')
    .action((statement: string, { limit = defaultLimit, csv = false }: SqlOptions, self: Command) =>
      withSession(self, context, { state: 'require' }, async ({ options, target }) => {
        const tables = await target.tables()
        const startedAt = target.clock.elapsed()
        const result = await tables.admin.query(statement, { limit, signal: context.signal })
        const took = target.clock.elapsed() - startedAt
        if (options.json) return context.stdout.json({ ...result, ms: Math.round(took) })
        if (csv) await printCsv(result, context.stdout)
        else await printResult(result, context.stdout)
        const more = result.truncated ? `; there are more: add --limit ${limit * 10}` : ''
        await context.stderr.line(`${countOf(result.rows.length, 'row')} in ${formatElapsed(took)}${more}`)
      }),
    )
  addExamples(command, [
    ['millrace sql "SELECT * FROM spark_streams.created_users LIMIT 5"', 'a table'],
    ['millrace sql "SELECT gender, count(*) FROM spark_streams.created_users GROUP BY 1" --csv', ''],
  ])
}

function formatLimit(limit: number): string {
  return limit.toLocaleString('en')
}

async function printResult({ columns, rows }: QueryResult, output: Output): Promise<void> {
  const aligned = columns.map((title, index) => {
    const numeric =
      rows.every(row => row[index] === null || isNumber(row[index])) && rows.some(row => isNumber(row[index]))
    return { title: printable(title), align: numeric ? ('right' as const) : ('left' as const) }
  })
  const cells = rows.map(row => row.map(value => toCell(value, output)))
  const paint = (title: string) => output.style('dim', title)
  const lines = fitsTable(aligned, cells, output.columns)
    ? formatTable(aligned, cells, output.columns, paint)
    : formatRecords(aligned, cells, output.columns ?? 0, paint)
  for (const line of lines) await output.line(line)
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint'
}

function toCell(value: unknown, output: Output): Cell {
  if (value === null) return { text: 'NULL', paint: text => output.style('dim', text) }
  // So that text cannot be taken for a null where there are no colours.
  if (value === 'NULL') return '"NULL"'
  return printable(toText(value))
}

function toText(value: unknown): string {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'object' ? toJsonText(value) : String(value)
}

/** RFC 4180, with line feeds; quotes tell empty text from null, as Postgres has it. */
async function printCsv({ columns, rows }: QueryResult, output: Output): Promise<void> {
  await output.line(columns.map(toCsv).join(','))
  for (const row of rows) await output.line(row.map(toCsv).join(','))
}

function toCsv(value: unknown): string {
  if (value === null) return ''
  const text = toText(value)
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
