import { readFileSync, statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { secretFile, secretsOf } from '../../src/stack/secret.ts'
import { temporaryDirectory } from '../support.ts'

const variable = 'TOKEN'
const token = [{ variable }]

describe('a secret of an engine', () => {
  it('is made once, and can be read by its owner only', () => {
    const own = temporaryDirectory()
    const first = secretsOf(token, own, {})[variable]!
    expect(Buffer.from(first, 'base64url')).toHaveLength(32)
    expect(secretsOf(token, own, {})).toEqual({ [variable]: first })
    expect(secretsOf(token, temporaryDirectory(), {})).not.toEqual({ [variable]: first })
    const path = secretFile(own, variable)
    expect(readFileSync(path, 'utf8')).toBe(first)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('is the one that the environment gives, from then on', () => {
    const own = temporaryDirectory()
    secretsOf(token, own, {})
    expect(secretsOf(token, own, { [variable]: 'given' })).toEqual({ [variable]: 'given' })
    expect(secretsOf(token, own, {})).toEqual({ [variable]: 'given' })
  })

  it('on which data depend stays the one it was at first', () => {
    const own = temporaryDirectory()
    const lasting = [{ variable, lasting: true }]
    expect(secretsOf(lasting, own, { [variable]: 'first' })).toEqual({ [variable]: 'first' })
    expect(secretsOf(lasting, own, { [variable]: 'second' })).toEqual({ [variable]: 'first' })
  })

  it('is what its engine says at first, if that says so', () => {
    expect(secretsOf([{ variable, initial: () => 'airflow' }], temporaryDirectory(), {})).toEqual({
      [variable]: 'airflow',
    })
  })

  it('does not exist where none is asked for', () => {
    expect(secretsOf([], temporaryDirectory(), { [variable]: 'given' })).toEqual({})
  })
})
