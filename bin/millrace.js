#!/usr/bin/env -S node --max-semi-space-size=4 --heap-growing-percent=30 --no-allocation-site-pretenuring
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module, { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

// SQLite and type stripping came with Node 24. Where the machine's own Node is older, the one that npm installed with
// Millrace takes over; so this file has to be one that Node 20 understands.
const [major] = process.versions.node.split('.').map(Number)
const pinned = join(dirname(createRequire(import.meta.url).resolve('node/package.json')), 'bin/node')

/** The same as in the first line, and in `npm start`: V8 then keeps less garbage. See docs/decisions/0006-how-it-runs.md. */
const flags = ['--max-semi-space-size=4', '--heap-growing-percent=30', '--no-allocation-site-pretenuring']

if (major >= 24) {
  // Also keeps pipeline files with their types stripped, and so the memory that stripping them takes.
  module.enableCompileCache()
  const { main } = await import('../dist/cli/main.js')
  await main()
} else if (existsSync(pinned)) {
  const args = [...flags, fileURLToPath(import.meta.url), ...process.argv.slice(2)]
  const millrace = spawn(pinned, args, { stdio: 'inherit' })
  // A terminal sends Ctrl-C to both; a supervisor sends SIGTERM to this one only.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => millrace.kill('SIGTERM'))
  millrace.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
} else {
  console.error(`millrace needs Node 24 or newer and this is ${process.version}.`)
  console.error('Run it as `npx millrace …` in the project that installed it: npm brings the right Node along.')
  process.exit(2)
}
