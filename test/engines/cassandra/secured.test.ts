import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { CassandraConfig } from '../../../src/sdk/targets/cassandra.ts'
import { securedSettings } from './certificate.ts'
import { checkpointAt, configOf, createUsers, openTables, useCassandra, user, usersPlan } from './cluster.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-certificate-'))
const certificate = join(directory, 'node.pem')
afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('a cluster with passwords and TLS', () => {
  const engine = useCassandra(securedSettings(directory))
  const env = { CASSANDRA_PASSWORD: 'cassandra', WRONG: 'wrong' }
  const secured = (changes: Partial<CassandraConfig> = {}): CassandraConfig => ({
    ...configOf(engine()),
    consistency: 'ONE',
    auth: { user: 'cassandra', password: { env: 'CASSANDRA_PASSWORD' } },
    tls: { ca: certificate },
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
    const store = await openTables(secured({ tls: {} }), { env })
    await expect(store.admin.tables()).rejects.toMatchObject({
      code: 'DATABASE_UNREACHABLE',
      message: expect.stringMatching(/self-signed certificate/),
    })
  })
})
