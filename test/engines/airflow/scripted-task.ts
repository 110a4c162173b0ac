import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { ScriptedExit } from '../../../src/testing/orchestrator-conformance.ts'

// Stands in for `millrace run`: ends each attempt as the script of its stage says.
const [directory, , stage = '', ...rest] = process.argv.slice(2)
const { values } = parseArgs({ args: rest, options: { attempt: { type: 'string' } }, strict: false })
const exits = JSON.parse(readFileSync(join(directory!, `${stage.split('/')[1]}.json`), 'utf8')) as ScriptedExit[]
const attempt = Number(values.attempt)
const exit = exits[Math.min(attempt, exits.length) - 1]!

const exitCodes = { done: 0, retry: 1, never: 2 }
const error = {
  code: 'STAGE_FAILED',
  message: 'As scripted.',
  place: null,
  fix: null,
  retry: 'later',
  outcome: 'failed',
}

console.error(`info  attempt ${attempt}`)
if (exit === 'hold') {
  // Until the signal that ends it.
  setInterval(() => {}, 60_000)
} else {
  const result = exit === 'done' ? { attempt } : null
  console.log(JSON.stringify({ stage, kind: exit, ...(exit === 'done' ? {} : { error }), result }))
  process.exitCode = exitCodes[exit]
}
