import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { startSimulator } from '../../src/adapters/http/simulator.ts'
import { temporaryDirectory } from '../support.ts'

const root = resolve(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const commands = [...readme.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(match => match[1]!.trim().split('\n'))

const install = 'npm ci && '
const shell = promisify(execFile)

/** Runs `npm start` until its first row, and stops it as Ctrl-C does. */
async function start(env: NodeJS.ProcessEnv): Promise<string> {
  const npm = spawn('npm', ['start'], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  let output = ''
  let interrupted = false
  for await (const chunk of npm.stdout) {
    output += chunk
    if (interrupted || !output.includes('First row in the table')) continue
    interrupted = true
    process.kill(-npm.pid!, 'SIGINT')
  }
  if (npm.exitCode === null && npm.signalCode === null) await once(npm, 'exit')
  return output
}

describe('the README', () => {
  it('has the two commands that do all set-up, and CI runs the second', () => {
    expect(commands).toContain(`${install}npm start`)
    expect(commands).toContain(`${install}npm test`)
    expect(readFileSync(join(root, '.ci/run'), 'utf8')).toContain(`\n${install}npm test\n`)
  })

  it('has only commands that run, in its order', { timeout: 600_000 }, async () => {
    const simulator = await startSimulator()
    const env = { ...process.env, MILLRACE_STATE: temporaryDirectory(), RANDOM_USER_URL: simulator.url }
    try {
      for (const command of commands) {
        // This very run came from it.
        if (command === `${install}npm test`) continue
        if (command === `${install}npm start`) {
          expect(await start(env)).toContain('Stopped after')
          continue
        }
        await shell('sh', ['-c', command], { cwd: root, env }).catch(error => {
          throw new Error(`${command}\n${error.stdout}${error.stderr}`)
        })
      }
    } finally {
      await simulator.close()
    }
  })
})

describe('the pipeline in the README', () => {
  let example: string

  beforeAll(() => {
    example = readme.match(/^```ts\n([\s\S]*?)^```/m)![1]!
  })

  it('declares the topic, table and stages of pipelines/users.ts', () => {
    const file = readFileSync(join(root, 'pipelines/users.ts'), 'utf8')
    for (const line of example.split('\n').filter(line => /topic\(|table\(|\.stream\(|\.ingest\(/.test(line))) {
      expect(file).toContain(line)
    }
  })
})
