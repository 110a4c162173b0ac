import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openStateDirectory, type StateDirectoryOptions } from '../../../src/adapters/embedded/state-directory.ts'
import { temporaryDirectory } from '../../support.ts'
import { Program } from './log/processes.ts'

function open(path: string, options: StateDirectoryOptions = { mode: 'exclusive' }) {
  const directory = openStateDirectory(path, options)
  onTestFinished(() => directory.close())
  return directory
}

/** Runs `work` without the rights of root, whom no file mode stops. */
function unprivileged<T>(work: () => T): T {
  if (process.geteuid!() !== 0) return work()
  process.seteuid!(65_534)
  try {
    return work()
  } finally {
    process.seteuid!(0)
  }
}

describe('a state directory', () => {
  it('is created for its owner only, with its version, and ignored by git', () => {
    const path = join(temporaryDirectory(), 'deep', '.millrace')
    const directory = open(path)
    expect(statSync(path).mode & 0o777).toBe(0o700)
    expect(JSON.parse(readFileSync(join(path, 'state.json'), 'utf8'))).toEqual({ version: 1 })
    expect(readFileSync(join(path, '.gitignore'), 'utf8')).toBe('*\n')
    for (const each of [directory.tablesDirectory, directory.logsDirectory])
      expect(statSync(each).mode & 0o777).toBe(0o700)
    for (const each of [directory.logPath, directory.registryPath, directory.orchestratorPath]) {
      expect(each.startsWith(path)).toBe(true)
    }
  })

  it('is opened again with what is in it', () => {
    const path = temporaryDirectory()
    const first = open(path)
    writeFileSync(first.logPath, 'records')
    first.close()
    first.close()
    expect(readFileSync(open(path).logPath, 'utf8')).toBe('records')
  })

  it('is created where an opening was cut short before its version was written', () => {
    const path = temporaryDirectory()
    writeFileSync(join(path, '.gitignore'), '*\n')
    writeFileSync(join(path, 'state.json.4711'), '{"ver')
    open(path)
    expect(existsSync(join(path, 'state.json'))).toBe(true)
  })

  it('of a newer version is refused with both versions and the fix', () => {
    const path = temporaryDirectory()
    writeFileSync(join(path, 'state.json'), '{"version":7}')
    expect(() => open(path)).toThrow(
      expect.objectContaining({
        code: 'STATE_VERSION',
        message: 'The state directory has version 7; this Millrace knows 1.',
        fix: expect.stringContaining('newer'),
      }),
    )
    expect(readdirSync(path)).toEqual(['state.json'])
  })

  it.each(['', '{', 'null', '[]', '{"version":"1"}', '{"version":0}'])('whose state.json is %j is damaged', text => {
    const path = temporaryDirectory()
    writeFileSync(join(path, 'state.json'), text)
    expect(() => open(path)).toThrow(
      expect.objectContaining({ code: 'STATE_CORRUPT', place: join(path, 'state.json') }),
    )
  })

  it('cannot be where a file is', () => {
    const file = join(temporaryDirectory(), 'state')
    writeFileSync(file, '')
    expect(() => open(file)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', place: file }))
    expect(() => open(join(file, 'below'))).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })

  it.runIf(existsSync('/proc/self'))('cannot be where no directory can be made (needs /proc)', () => {
    expect(() => open('/proc/millrace/state')).toThrow(expect.objectContaining({ code: 'STATE_READ_ONLY' }))
  })

  it('cannot be a directory of other things, and changes nothing there', () => {
    const path = temporaryDirectory()
    writeFileSync(join(path, 'thesis.tex'), '')
    expect(() => open(path)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    expect(readdirSync(path)).toEqual(['thesis.tex'])
  })

  it('that cannot be written is refused', () => {
    const parent = temporaryDirectory()
    // Others may pass through, nobody but root may write.
    chmodSync(parent, 0o555)
    expect(() => unprivileged(() => open(join(parent, 'state')))).toThrow(
      expect.objectContaining({ code: 'STATE_READ_ONLY', fix: expect.stringContaining('MILLRACE_STATE') }),
    )
    chmodSync(parent, 0o755)
    const path = join(parent, 'state')
    open(path).close()
    for (const each of [path, join(path, 'tables'), join(path, 'logs')]) chmodSync(each, 0o555)
    chmodSync(join(path, 'lock.db'), 0o444)
    expect(() => unprivileged(() => open(path))).toThrow(expect.objectContaining({ code: 'STATE_READ_ONLY' }))
    for (const each of [path, join(path, 'tables'), join(path, 'logs')]) chmodSync(each, 0o755)
  })
})

describe('an exclusive hold', () => {
  it('keeps others out and tells them who has it', async () => {
    const path = join(temporaryDirectory(), 'state')
    mkdirSync(path)
    const holder = new Program(new URL('./state-holder.ts', import.meta.url).href, path)
    expect(await holder.line()).toBe('held')
    const { pid } = JSON.parse(readFileSync(join(path, 'holder.json'), 'utf8'))
    expect(() => open(path)).toThrow(
      expect.objectContaining({
        code: 'STATE_IN_USE',
        message: expect.stringMatching(new RegExp(`in use by process ${pid} \\(millrace dev, since \\d\\d:\\d\\d\\)`)),
      }),
    )
  })

  it('ends with a process killed by SIGKILL', async () => {
    const path = temporaryDirectory()
    const holder = new Program(new URL('./state-holder.ts', import.meta.url).href, path)
    await holder.line()
    expect(() => open(path)).toThrow(expect.objectContaining({ code: 'STATE_IN_USE' }))
    await holder.kill()
    open(path)
    expect(JSON.parse(readFileSync(join(path, 'holder.json'), 'utf8')).pid).toBe(process.pid)
  })

  it('keeps a second one of the same process out, until it is closed', () => {
    const path = temporaryDirectory()
    const first = open(path)
    expect(() => open(path)).toThrow(expect.objectContaining({ code: 'STATE_IN_USE' }))
    first.close()
    open(path)
  })

  it('does not keep those out who share', async () => {
    const path = temporaryDirectory()
    const holder = new Program(new URL('./state-holder.ts', import.meta.url).href, path)
    await holder.line()
    expect(open(path, { mode: 'shared' }).path).toBe(path)
  })

  it('is named even if whoever has it has not written its name yet', () => {
    const path = temporaryDirectory()
    open(path)
    writeFileSync(join(path, 'holder.json'), '')
    expect(() => open(path)).toThrow('is in use by another process')
  })
})
