import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const bin = resolve(import.meta.dirname, '../../bin/millrace.js')

/** The machine's own Node, which npm hides behind the one it installed; null if it is not older than that. */
function olderNode(): string | null {
  const directories = (process.env.PATH ?? '').split(delimiter).filter(path => !path.includes('node_modules'))
  const node = directories.map(directory => join(directory, 'node')).find(existsSync)
  if (node === undefined) return null
  const version = execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' })
  return Number.parseInt(version, 10) < 24 ? node : null
}

const older = olderNode()

describe('bin/millrace.js', () => {
  it.runIf(older !== null)('hands over to the Node that npm installed (needs an older Node in PATH)', () => {
    const run = (...args: string[]) => execFileSync(older!, [bin, ...args], { encoding: 'utf8' })
    expect(run('--version')).toMatch(/^\d+\.\d+\.\d+\n$/)
    expect(() => run('no-such-command')).toThrow(expect.objectContaining({ status: 2 }))
  })
})
