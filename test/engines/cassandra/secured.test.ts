import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { CassandraConfig } from '../../../src/sdk/targets/cassandra.ts'
import { checkpointAt, configOf, createUsers, openTables, useCassandra, user, usersPlan } from './cluster.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-certificate-'))
const keystore = join(directory, 'node.p12')
const certificate = join(directory, 'node.pem')
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** A certificate of 127.0.0.1 that only vouches for itself. */
function createCertificate(): void {
  const store = ['-keystore', keystore, '-storetype', 'PKCS12', '-storepass', 'changeit', '-alias', 'node']
  const subject = ['-dname', 'CN=node', '-ext', 'SAN=IP:127.0.0.1', '-keyalg', 'RSA', '-validity', '2']
  execFileSync('keytool', ['-genkeypair', ...store, ...subject], { stdio: 'pipe' })
  execFileSync('keytool', ['-exportcert', '-rfc', ...store, '-file', certificate], { stdio: 'pipe' })
}

describe('a cluster with passwords and TLS', () => {
  createCertificate()
  const engine = useCassandra({
    authenticator: 'PasswordAuthenticator',
    authorizer: 'CassandraAuthorizer',
    client_encryption_options: `{enabled: true, optional: true, keystore: "${keystore}", keystore_password: changeit, store_type: PKCS12}`,
  })
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
