import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { reasonIn } from '../../src/stack/health.ts'
import { followLog, readLastLines } from '../../src/stack/logs.ts'
import { temporaryDirectory } from '../support.ts'

describe('the end of a log', () => {
  it('is its last lines, and nothing where there is no file', () => {
    const path = join(temporaryDirectory(), 'log')
    expect(readLastLines(path, 2)).toEqual({ text: [], end: 0 })
    writeFileSync(path, 'one\ntwo\nthree\n')
    expect(readLastLines(path, 2)).toEqual({ text: ['two', 'three'], end: 14 })
    expect(readLastLines(path, 0).text).toEqual([])
  })
})

describe('following a log', () => {
  it('gives whole lines as they are written, also after the file was rotated', async () => {
    const path = join(temporaryDirectory(), 'log')
    writeFileSync(path, 'old\n')
    const abort = new AbortController()
    const lines = followLog(path, 4, abort.signal)
    const euro = Buffer.from('€')
    appendFileSync(path, Buffer.concat([Buffer.from('first\npart '), euro.subarray(0, 1)]))
    expect((await lines.next()).value).toBe('first')
    const next = lines.next()
    appendFileSync(path, Buffer.concat([euro.subarray(1), Buffer.from('\n')]))
    expect((await next).value).toBe('part €')
    writeFileSync(path, 'new\n')
    expect((await lines.next()).value).toBe('new')
    abort.abort()
    await expect(lines.next()).rejects.toThrow()
  })
})

describe('the reason why an engine ended', () => {
  it('is what its log says is wrong, without the stack', () => {
    const log = ['INFO all well', 'ERROR Disk gone', 'java.io.IOException: no', '\tat a.b(C.java:1)', 'INFO bye']
    expect(reasonIn(log)).toBe('ERROR Disk gone\njava.io.IOException: no')
  })

  it('is the last lines where nothing is said to be wrong', () => {
    expect(reasonIn(['a', 'b', '', 'c', 'd'])).toBe('b\nc\nd')
    expect(reasonIn([])).toBe('')
  })
})
