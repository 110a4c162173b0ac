import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { StartEngineOptions } from '../../../src/stack/start-engine.ts'

const password = 'changeit'

/**
 * How a node is started that asks for passwords, and over TLS for a certificate. A new node has the user cassandra with that password
 * some seconds after it opens its port.
 *
 * @param directory where `createCertificates` has been; the node gets the broker's certificate
 */
export function securedSettings(directory: string): NonNullable<StartEngineOptions['settings']> {
  const file = (name: string) => join(directory, name)
  const run = (command: string, ...args: readonly string[]) =>
    execFileSync(command, args, { cwd: directory, stdio: 'pipe' })
  const node = ['-inkey', 'broker.key', '-in', 'broker.pem', '-out', 'node.p12', '-passout', `pass:${password}`]
  run('openssl', 'pkcs12', '-export', ...node)
  const trust = ['-keystore', 'trust.p12', '-storetype', 'PKCS12', '-storepass', password]
  run('keytool', '-importcert', '-noprompt', '-alias', 'ca', '-file', 'ca.pem', ...trust)
  const stores = [
    ...[`keystore: "${file('node.p12')}"`, `keystore_password: ${password}`],
    ...[`truststore: "${file('trust.p12')}"`, `truststore_password: ${password}`, 'store_type: PKCS12'],
  ]
  return {
    authenticator: 'PasswordAuthenticator',
    authorizer: 'CassandraAuthorizer',
    client_encryption_options: `{enabled: true, optional: true, require_client_auth: true, ${stores.join(', ')}}`,
  }
}
