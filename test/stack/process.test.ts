import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  awaitEnd,
  endMarked,
  findMarked,
  findStarted,
  killMarked,
  killStarted,
  markOf,
  markVariable,
  startDetached,
} from '../../src/stack/process.ts'
import { temporaryDirectory } from '../support.ts'

/** What a process may take to end on a machine that does much else, in milliseconds. */
const patienceMs = 60_000

/** A process with a mark, once it has done what it does at its start. */
async function start(script: string): Promise<{ token: string; pid: number; output: string }> {
  const token = randomUUID()
  const output = join(temporaryDirectory(), 'out')
  const args = ['-e', `${script};console.log('ready');setInterval(() => {}, 1000)`, '--', `--${markOf(token)}`]
  const pid = await startDetached({ command: process.execPath, args, cwd: '/', output, env: process.env })
  onTestFinished(() => killMarked(token))
  await expect.poll(() => readFileSync(output, 'utf8')).toContain('ready')
  return { token, pid, output }
}

describe('a marked process', () => {
  it('is found by its mark, in a session of its own, and by no other', async () => {
    const { token, pid } = await start('')
    expect(findMarked([token, randomUUID()])).toEqual(new Map([[token, pid]]))
    expect(findMarked([token.slice(1)])).toEqual(new Map())
    const group = spawn('ps', ['-o', 'sid=', '-p', String(pid)])
    const [text] = (await once(group.stdout, 'data')) as [Buffer]
    expect(Number(text.toString())).toBe(pid)
  })

  it('is asked to end, and has ended when that is said', async () => {
    const { token, pid, output } = await start(`process.on('SIGTERM', () => { console.log('ending'); process.exit() })`)
    await endMarked(token, { limitMs: patienceMs })
    expect(readFileSync(output, 'utf8')).toContain('ending')
    expect(await awaitEnd(pid, 0)).toBe(true)
    expect(findMarked([token]).size).toBe(0)
  })

  it('is killed if it does not end in time', async () => {
    const { token, pid } = await start(`process.on('SIGTERM', () => {})`)
    await endMarked(token, { limitMs: 200 })
    expect(await awaitEnd(pid, 0)).toBe(true)
  })

  it('ends in order even if it was stopped', async () => {
    const { token, pid, output } = await start(`process.on('SIGTERM', () => { console.log('ending'); process.exit() })`)
    process.kill(pid, 'SIGSTOP')
    await endMarked(token, { limitMs: patienceMs })
    expect(readFileSync(output, 'utf8')).toContain('ending')
  })

  it('is killed with what it has started', async () => {
    const { token, output } = await start(
      `console.log(require('node:child_process').spawn('sleep', ['60']).pid + '\\n')`,
    )
    const child = Number.parseInt(readFileSync(output, 'utf8'), 10)
    await killMarked(token)
    expect(await awaitEnd(child, patienceMs)).toBe(true)
  })
})

describe('what a process has started', () => {
  it('is found by its environment, also in another session and without its parent, and killed', async () => {
    const token = randomUUID()
    const child = `spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' }).unref()`
    const env = { ...process.env, [markVariable]: `${token}/part` }
    const parent = spawn(process.execPath, ['-e', `require('node:child_process').${child}`], { env })
    await once(parent, 'exit')
    await expect.poll(() => findStarted(token).length, { timeout: 10_000 }).toBe(1)
    expect(findStarted(`${token}/part`)).toEqual(findStarted(token))
    expect(findStarted(`${token}/par`)).toEqual([])
    expect(findStarted(token.slice(0, -1))).toEqual([])
    await killStarted(token)
    expect(findStarted(token)).toEqual([])
  })
})

describe('a process that is not ours', () => {
  it('is left alone, whatever was noted', async () => {
    await endMarked(randomUUID(), { limitMs: 0 })
    await killMarked(randomUUID())
  })

  it('is waited for no longer than told', async () => {
    expect(await awaitEnd(process.pid, 50)).toBe(false)
  })
})

describe('a program that does not exist', () => {
  it('is a typed error', async () => {
    const options = { args: [], cwd: '/', output: join(temporaryDirectory(), 'out'), env: {} }
    await expect(startDetached({ command: '/no/java', ...options })).rejects.toMatchObject({ code: 'ENGINE_FAILED' })
  })
})
