import { readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ordersProject } from './support.ts'

/** Those that show examples; `stack` has them with each of its commands. */
const commands = [
  'dev',
  'check',
  'plan',
  'apply',
  'run',
  'trigger',
  'backfill',
  'cancel',
  'clear',
  'pause',
  'unpause',
  'runs',
  'logs',
  'tail',
  'sql',
  'dlq',
  'simulate',
  'registry',
]

describe('the command line', () => {
  it('prints where to start, the commands and the exit codes when it is given none', async () => {
    const { code, stdout, stderr } = await ordersProject().run()
    expect(code).toBe(0)
    expect(stderr).toBe('')
    for (const text of ['Start here:', 'millrace dev', 'Exit codes:', '--json', '--target <name>', '--state <dir>']) {
      expect(stdout).toContain(text)
    }
    for (const name of [...commands, 'stack']) {
      expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'))
    }
  })

  it.each(commands)('explains %s with an example', async name => {
    const { code, stdout } = await ordersProject().run(name, '--help')
    expect(code).toBe(0)
    expect(stdout).toContain('Examples:')
    expect(stdout).toContain(`\n  millrace ${name}`)
    expect(stdout).toContain('--json')
  })

  it('prints its version', async () => {
    const { version } = JSON.parse(readFileSync(resolve('package.json'), 'utf8')) as { version: string }
    expect(await ordersProject().run('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  })

  it.each([
    [['chekc'], "Unknown command 'chekc'.", 'Did you mean check?'],
    [['sql', 'SELECT 1', '--limt', '3'], "Unknown option '--limt'.", 'Did you mean --limit?'],
    [['sql'], "Missing required argument 'statement'.", 'See `millrace --help`'],
    [
      ['sql', 'SELECT 1', '--limit', 'many'],
      "Option '--limit <n>' argument 'many' is invalid. Give a whole number",
      'See',
    ],
    [['tail', 'orders', '--from', 'now'], 'Give start, end, an offset such as 1200', 'See'],
    [['run', 'orders/place', '--drain-timeout', 'soon'], 'Write it as 500ms, 60s, 5m or 24h.', 'See'],
    [['trigger', 'import_orders', '--conf', '{'], 'It is not JSON', 'See'],
  ])('refuses %j with exit code 2, what is wrong and what to do', async (args, message, fix) => {
    const { code, stdout, stderr } = await ordersProject().run(...args)
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain(`✗ `)
    expect(stderr).toContain(message)
    expect(stderr).toContain(`  fix    ${fix}`)
    expect(stderr).toContain('  code   CONFIG_INVALID  (docs/errors.md)')
  })

  it('reports a failure as JSON where JSON was asked for', async () => {
    const { code, stdout, stderr } = await ordersProject().run('sql', 'SELECT 1', '--json')
    expect(code).toBe(2)
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: 'NOT_FOUND',
        message: 'Nothing has been created here yet.',
        place: expect.stringMatching(/state$/),
        fix: expect.stringContaining('millrace apply'),
        retry: 'never',
        outcome: 'failed',
      },
    })
  })

  it('names the targets there are', async () => {
    const { code, stderr } = await ordersProject().run('plan', '--target', 'prod')
    expect(code).toBe(2)
    expect(stderr).toContain('There is no target prod.')
    expect(stderr).toContain('Use one of: local.')
  })

  it('loads neither adapters nor the engine before a command needs them', () => {
    const seen = new Set<string>()
    const visit = (path: string) => {
      if (seen.has(path)) return
      seen.add(path)
      const text = readFileSync(path, 'utf8')
      for (const [statement, specifier] of text.matchAll(/^import (?:[^'()]*? from )?'(\.[^']+)'/gm)) {
        const typesOnly = /^import type /.test(statement) || /^import \{( *type [^,}]+,?)+ *\}/.test(statement)
        if (!typesOnly) visit(join(dirname(path), specifier!))
      }
    }
    visit(resolve('src/cli/main.ts'))
    const loaded = [...seen].map(path => relative(resolve('src'), path))
    expect(loaded).toContain('cli/sql.ts')
    expect(loaded.filter(path => !/^(cli|sdk|plan|ports)\//.test(path))).toEqual([])
    expect(loaded).not.toContain('plan/compile.ts')
  })
})
