import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { requireNoServer } from '../../src/stack/postgres-lock.ts'
import { temporaryDirectory } from '../support.ts'

describe('the lock file of a server that was killed', () => {
  it('is removed when none of its processes is left, whoever has its number now', async () => {
    const data = temporaryDirectory()
    const lock = join(data, 'postmaster.pid')
    requireNoServer(data)
    writeFileSync(lock, `${process.pid}\n`)
    const left = spawn(process.execPath, ['-e', `console.log('up');setInterval(() => {}, 1000)`], { cwd: data })
    await once(left.stdout, 'data')
    expect(() => requireNoServer(data)).toThrow(`processes ${left.pid} of a server that was killed`)
    expect(existsSync(lock)).toBe(true)
    left.kill('SIGKILL')
    await once(left, 'exit')
    requireNoServer(data)
    expect(existsSync(lock)).toBe(false)
  })
})
