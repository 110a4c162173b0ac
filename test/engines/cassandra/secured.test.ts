import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { CassandraConfig } from '../../../src/sdk/targets/cassandra.ts'
import type { TlsFiles } from '../../../src/sdk/targets/connection.ts'
import { createCertificates } from '../kafka/certificates.ts'
import { checkpointAt, configOf, createUsers, openTables, useCassandra, user, usersPlan } from './cluster.ts'
import { securedSettings } from './secured-settings.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-certificates-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const file = (name: string) => join(directory, name)

describe('a cluster with passwords and TLS that asks for our certificate', () => {
  const env = { CASSANDRA_PASSWORD: 'cassandra', WRONG: 'wrong', PASSPHRASE: 'opensesame' }
  createCertificates(directory, env.PASSPHRASE)
  const engine = useCassandra(securedSettings(directory))
  const ours: TlsFiles = { cert: file('client.pem'), key: file('client.key'), passphrase: { env: 'PASSPHRASE' } }
  const secured = (changes: Partial<CassandraConfig> = {}): CassandraConfig => ({
    ...configOf(engine()),
    consistency: 'ONE',
    auth: { user: 'cassandra', password: { env: 'CASSANDRA_PASSWORD' } },
    tls: { ca: file('ca.pem'), ...ours },
    ...changes,
  })

  it('is written by a user with its password, over a connection whose certificate is checked', async () => {
    const store = await openTables(secured(), { env })
    // A node refuses every login until it has created its first user, some seconds after it opens its port.
    const ready = () =>
      store.admin.tables().then(
        () => true,
        () => false,
      )
    await expect.poll(ready, { timeout: 60_000, interval: 500 }).toBe(true)
    const table = await createUsers(store)
    await table.write([user('a', 'one', 1)], checkpointAt(1))
    expect((await store.admin.rows(usersPlan)).items).toEqual([{ id: 'a', name: 'one' }])
  })

  it('refuses a wrong password, to be tried again', async () => {
    const store = await openTables(secured({ auth: { user: 'cassandra', password: { env: 'WRONG' } } }), { env })
    await expect(store.admin.tables()).rejects.toMatchObject({ code: 'DATABASE_REFUSED', retry: 'later' })
  })

  it('is not connected to if nobody vouches for its certificate', async () => {
    const store = await openTables(secured({ tls: ours }), { env })
    await expect(store.admin.tables()).rejects.toMatchObject({
      code: 'DATABASE_UNREACHABLE',
      message: expect.stringMatching(/certificate/),
    })
  })

  it.each([
    ['without a certificate', {}],
    ['with one of an authority that it does not know', { cert: file('other.pem'), key: file('other.key') }],
  ])('does not let us in %s', async (_, presented) => {
    const store = await openTables(secured({ tls: { ca: file('ca.pem'), ...presented } }), { env })
    await expect(store.admin.tables()).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' })
  })
})
