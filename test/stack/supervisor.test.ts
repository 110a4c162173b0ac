import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { findStarted, killStarted } from '../../src/stack/process.ts'
import { type Component, restartDelayMs, supervise } from '../../src/stack/supervisor.ts'
import { temporaryDirectory } from '../support.ts'

/** A component that does `script`, which is CommonJS. */
function component(name: string, script: string): Component {
  return { name, command: process.execPath, args: ['-e', script] }
}

/** Runs the components until the test ends. */
function start(components: readonly Component[], drainMs = 10_000) {
  const logs = temporaryDirectory()
  const token = randomUUID()
  const stop = new AbortController()
  const said: string[] = []
  const ended = supervise({
    ...{ components, logs, drainMs, token },
    env: process.env,
    stop: stop.signal,
    say: line => said.push(line),
  })
  onTestFinished(async () => {
    stop.abort()
    await ended
    await killStarted(token)
  })
  return {
    token,
    said,
    log: (name: string) => {
      const path = join(logs, `${name}.log`)
      return existsSync(path) ? readFileSync(path, 'utf8') : ''
    },
    stop: () => {
      stop.abort()
      return ended
    },
  }
}

const live = 'setInterval(() => {}, 1000)'
const patience = { timeout: 20_000 }

describe('a supervisor', () => {
  it('starts a component again that was killed, and kills what that had started', async () => {
    const worker = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(live)}], { detached: true })`
    const { token, said, log } = start([component('scheduler', `${worker};console.log('ready');${live}`)])
    await expect.poll(() => log('scheduler'), patience).toBe('ready\n')
    await expect.poll(() => findStarted(`${token}/scheduler`).length, patience).toBe(2)
    const before = findStarted(`${token}/scheduler`)
    const [, pid] = /scheduler is process (\d+)/.exec(said.join('\n'))!
    process.kill(Number(pid), 'SIGKILL')
    await expect.poll(() => log('scheduler'), patience).toBe('ready\nready\n')
    await expect.poll(() => findStarted(`${token}/scheduler`).length, patience).toBe(2)
    expect(findStarted(`${token}/scheduler`).filter(each => before.includes(each))).toEqual([])
    expect(said).toContain('scheduler ended with SIGKILL; it is started again in 0.5 s')
  })

  it('starts one again that ends by itself, and leaves the others alone', async () => {
    const { token, said, log } = start([component('api', live), component('once', `console.log('done')`)])
    await expect.poll(() => log('once'), patience).toBe('done\ndone\n')
    expect(said).toContain('once ended with code 0; it is started again in 0.5 s')
    expect(said.filter(line => line.startsWith('api'))).toHaveLength(1)
    expect(findStarted(`${token}/api`)).toHaveLength(1)
  })

  it('gives a component its own environment on top of the common one', async () => {
    const say = `console.log(process.env.OWN, process.env.PATH === ${JSON.stringify(process.env.PATH)});${live}`
    const { log } = start([component('one', say), { ...component('other', say), env: { OWN: 'mine' } }])
    await expect.poll(() => log('one'), patience).toBe('undefined true\n')
    await expect.poll(() => log('other'), patience).toBe('mine true\n')
  })

  it('ends the first component last, so that the others can report to it', async () => {
    const end = (name: string) => `process.on('SIGTERM', () => { console.log('${name} ends'); process.exit() });`
    const api = component('api', `${end('api')}console.log('up');${live}`)
    const slow = `process.on('SIGTERM', () => setTimeout(() => { console.log(Date.now()); process.exit() }, 300));`
    const { log, stop, token } = start([api, component('tasks', `${slow}console.log('up');${live}`)])
    await expect.poll(() => `${log('api')}${log('tasks')}`, patience).toBe('up\nup\n')
    const ended: string[] = []
    const watch = expect
      .poll(() => {
        if (log('tasks').split('\n').length > 2 && !ended.includes('tasks')) ended.push('tasks')
        if (log('api').includes('api ends') && !ended.includes('api')) ended.push('api')
        return ended.length
      }, patience)
      .toBe(2)
    await Promise.all([stop(), watch])
    expect(ended).toEqual(['tasks', 'api'])
    expect(findStarted(token)).toEqual([])
  })

  it('kills at its deadline what does not end', async () => {
    const deaf = component('deaf', `process.on('SIGTERM', () => {});console.log('up');${live}`)
    const { log, stop, token } = start([component('api', live), deaf], 300)
    await expect.poll(() => log('deaf'), patience).toBe('up\n')
    await stop()
    expect(findStarted(token)).toEqual([])
  })

  it('says why a component cannot be run, and tries again', async () => {
    const { said } = start([{ name: 'missing', command: '/no/program', args: [] }])
    await expect.poll(() => said.length, patience).toBeGreaterThan(1)
    expect(said[0]).toBe('missing ended with spawn /no/program ENOENT; it is started again in 0.5 s')
    expect(said[1]).toContain('started again in 1 s')
  })
})

describe('what fails again and again', () => {
  it('is waited for longer each time, up to half a minute', () => {
    expect([1, 2, 3, 6, 7, 8, 1_000].map(restartDelayMs)).toEqual([500, 1_000, 2_000, 16_000, 30_000, 30_000, 30_000])
  })
})
