import { readFileSync, statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { engines } from '../../src/stack/engines.ts'
import { secretFile, secretOf } from '../../src/stack/secret.ts'
import { temporaryDirectory } from '../support.ts'

const variable = 'SPARK_CONNECT_AUTHENTICATE_TOKEN'

describe('the secret of an engine', () => {
  it('is made once, and can be read by its owner only', () => {
    const directory = temporaryDirectory()
    const first = secretOf(engines.spark, directory, {})[variable]!
    expect(Buffer.from(first, 'base64url')).toHaveLength(32)
    expect(secretOf(engines.spark, directory, {})).toEqual({ [variable]: first })
    expect(secretOf(engines.spark, temporaryDirectory(), {})).not.toEqual({ [variable]: first })
    const path = secretFile(directory, engines.spark)
    expect(readFileSync(path, 'utf8')).toBe(first)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('is the one that the environment gives, from then on', () => {
    const directory = temporaryDirectory()
    secretOf(engines.spark, directory, {})
    expect(secretOf(engines.spark, directory, { [variable]: 'given' })).toEqual({ [variable]: 'given' })
    expect(secretOf(engines.spark, directory, {})).toEqual({ [variable]: 'given' })
  })

  it('does not exist where none is asked for', () => {
    expect(secretOf(engines.kafka, temporaryDirectory(), { [variable]: 'given' })).toEqual({})
  })
})
