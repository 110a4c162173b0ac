import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { StartEngineOptions } from '../../../src/stack/start-engine.ts'

/**
 * Makes, with Java's keytool, a certificate of 127.0.0.1 that only vouches for itself (`node.pem`), and says how a node is started
 * with it and asks for passwords. A new node has the user cassandra with that password some seconds after it opens its port.
 */
export function securedSettings(directory: string): NonNullable<StartEngineOptions['settings']> {
  const keystore = join(directory, 'node.p12')
  const store = ['-keystore', keystore, '-storetype', 'PKCS12', '-storepass', 'changeit', '-alias', 'node']
  const subject = ['-dname', 'CN=node', '-ext', 'SAN=IP:127.0.0.1', '-keyalg', 'RSA', '-validity', '2']
  execFileSync('keytool', ['-genkeypair', ...store, ...subject], { stdio: 'pipe' })
  execFileSync('keytool', ['-exportcert', '-rfc', ...store, '-file', join(directory, 'node.pem')], { stdio: 'pipe' })
  return {
    authenticator: 'PasswordAuthenticator',
    authorizer: 'CassandraAuthorizer',
    client_encryption_options: `{enabled: true, optional: true, keystore: "${keystore}", keystore_password: changeit, store_type: PKCS12}`,
  }
}
