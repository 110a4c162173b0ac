import { describe, expect, it } from 'vitest'
import { readSettings } from '../../../src/adapters/cassandra/settings.ts'
import { MillraceError } from '../../../src/sdk/errors.ts'
import type { CassandraConfig } from '../../../src/sdk/targets/cassandra.ts'

const least: CassandraConfig = { adapter: 'cassandra', contactPoints: ['127.0.0.1'], localDataCenter: 'dc1' }

const none = { env: {}, directory: '.' }

function refused(config: object, env = {}): string | null {
  try {
    readSettings({ ...least, ...config } as CassandraConfig, { env, directory: '.' })
    return 'accepted'
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    return error.place
  }
}

describe('settings of Cassandra', () => {
  it('have defaults for all but where it is', () => {
    expect(readSettings(least, none)).toEqual({
      contactPoints: ['127.0.0.1'],
      localDataCenter: 'dc1',
      consistency: 'LOCAL_QUORUM',
      replication: null,
      credentials: null,
      tls: null,
      timeoutMs: 5_000,
      queryTimeoutMs: 30_000,
      requestsInFlight: 16,
      bytesInFlight: 16 * 1024 * 1024,
      maxRowBytes: 1024 * 1024,
      tries: 4,
    })
  })

  it('take secrets from the environment only', () => {
    const auth = { user: 'stage', password: { env: 'CASSANDRA_PASSWORD' } }
    const read = readSettings({ ...least, auth }, { env: { CASSANDRA_PASSWORD: 'secret' }, directory: '.' })
    expect(read.credentials).toEqual({ username: 'stage', password: 'secret' })
    expect(refused({ auth })).toBe('cassandra › auth.password')
    expect(refused({ auth: { user: 'stage', password: 'secret' } })).toBe('cassandra › auth.password')
  })

  it('check the certificates of the nodes once TLS is asked for', () => {
    expect(readSettings({ ...least, tls: {} }, none).tls).toEqual({ rejectUnauthorized: true })
  })

  it.each([
    [{ contactPoints: [] }, 'contactPoints'],
    [{ contactPoints: ['http://127.0.0.1'] }, 'contactPoints'],
    [{ contactPoints: ['me:secret@host:9042'] }, 'contactPoints'],
    [{ localDataCenter: '' }, 'localDataCenter'],
    [{ consistency: 'SOME' }, 'consistency'],
    [{ replication: {} }, 'replication'],
    [{ replication: { dc1: 0 } }, 'replication.dc1'],
    [{ tls: { cert: 'a.pem' } }, 'tls'],
    [{ tls: { ca: 'missing.pem' } }, 'tls.ca'],
    [{ limits: { requestsInFlight: 0 } }, 'limits.requestsInFlight'],
    [{ limits: { maxRowBytes: '16 MiB' } }, 'limits.maxRowBytes'],
    [{ limits: { tries: 1.5 } }, 'limits.tries'],
  ])('are refused with their place: %j', (config, option) => {
    expect(refused(config)).toBe(`cassandra › ${option}`)
  })
})
