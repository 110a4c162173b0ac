import { execFileSync } from 'node:child_process'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Makes with the openssl command, in PEM: an authority (`ca.pem`), of it a broker at 127.0.0.1 that is also called `broker.test`
 * (`broker.store.pem`, key and certificate) and a client (`client.key`, with a passphrase and in AES, as Java reads it, and `client.pem`); and an
 * authority that vouches for none of them (`other.pem`).
 */
export function createCertificates(directory: string, passphrase: string): void {
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })
  const create = (name: string, ...args: readonly string[]) => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-keyout', `${name}.key`]
    openssl('req', '-x509', ...key, '-days', '2', '-subj', `/CN=${name}`, '-out', `${name}.pem`, ...args)
  }
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key']
  create('ca', '-nodes')
  create('other', '-nodes')
  create('broker', '-nodes', ...signed, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:broker.test')
  create('client', '-nodes', ...signed)
  renameSync(join(directory, 'client.key'), join(directory, 'plain.key'))
  const key = ['-in', 'plain.key', '-out', 'client.key']
  openssl('pkcs8', '-topk8', '-v2', 'aes-256-cbc', ...key, '-passout', `pass:${passphrase}`)
  const text = (file: string) => readFileSync(join(directory, file), 'utf8')
  writeFileSync(join(directory, 'broker.store.pem'), text('broker.key') + text('broker.pem'))
}
