import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { commandAs, findPostgres, majorOf, unprivilegedOwner } from '../../src/stack/postgres-runtime.ts'
import { temporaryDirectory } from '../support.ts'

const { signal } = new AbortController()

/** A directory with programs that say they are of that version. */
function installPostgres(version: string): string {
  const directory = join(temporaryDirectory(), 'bin')
  mkdirSync(directory)
  for (const name of ['postgres', 'initdb']) {
    writeFileSync(join(directory, name), `#!/bin/sh\necho "${name} (PostgreSQL) ${version}"\n`)
    chmodSync(join(directory, name), 0o755)
  }
  return directory
}

describe('the PostgreSQL of this machine', () => {
  it('is the newest', async () => {
    const directories = ['98.1', '99.2', '97'].map(installPostgres)
    expect(await findPostgres({ env: { PATH: directories.join(delimiter) }, signal })).toBe(directories[1])
  })

  it('is none that is too old', async () => {
    const old = installPostgres('14.9')
    expect(await findPostgres({ env: { PATH: old }, signal })).not.toBe(old)
  })

  it.each([
    ['postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n', 15],
    ['postgres (PostgreSQL) 18beta1\n', 18],
    ['something else', null],
  ])('says its version as %j', (text, major) => {
    expect(majorOf(text)).toBe(major)
  })
})

describe('PostgreSQL that root starts', () => {
  const passwd = 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65533::/:/bin/false\n'

  it('belongs to postgres, else to nobody', () => {
    expect(unprivilegedOwner(`${passwd}postgres:x:101:104::/:/bin/sh\n`)).toEqual({ uid: 101, gid: 104 })
    expect(unprivilegedOwner(passwd)).toEqual({ uid: 65534, gid: 65533 })
    expect(() => unprivilegedOwner('root:x:0:0::/root:/bin/sh\n')).toThrow(
      expect.objectContaining({ code: 'ENGINE_MISSING', fix: expect.stringContaining('useradd') }),
    )
  })

  it('runs as that user, with one right of root, and as the caller otherwise', () => {
    const { command, args } = commandAs({ uid: 101, gid: 104 }, '/bin/postgres', ['-D', '/data'])
    expect(command).toBe('setpriv')
    expect(args.join(' ')).toContain('--reuid 101 --regid 104 --clear-groups')
    expect(args.filter(each => each.includes('dac'))).toEqual(Array(3).fill('-all,+dac_override'))
    expect(args.slice(-4)).toEqual(['--', '/bin/postgres', '-D', '/data'])
    expect(commandAs(null, '/bin/postgres', ['-D'])).toEqual({ command: '/bin/postgres', args: ['-D'] })
  })
})
