import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { TlsFiles } from '../../../src/sdk/targets/connection.ts'
import { temporaryDirectory } from '../../support.ts'
import { openClient } from './fixture.ts'

const hasOpenssl = spawnSync('openssl', ['version']).status === 0

/** A certificate authority, and a certificate from it for the server and for a client. */
function createCertificates(): string {
  const directory = temporaryDirectory()
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-days', '2']
  openssl('req', '-x509', ...key, '-nodes', '-subj', '/CN=authority', '-keyout', 'ca.key', '-out', 'ca.pem')
  for (const [name, protection] of [
    ['server', ['-nodes']],
    ['client', ['-passout', 'pass:opensesame']],
  ] as const) {
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-addext', 'subjectAltName=DNS:registry.test']
    const out = ['-keyout', `${name}.key`, '-out', `${name}.pem`]
    openssl('req', '-x509', ...key, ...protection, '-subj', `/CN=${name}`, ...signed, ...out)
  }
  return directory
}

/** Answers with who the client is. */
async function serveTls(directory: string): Promise<string> {
  const file = (name: string) => readFileSync(join(directory, name))
  const tls = { key: file('server.key'), cert: file('server.pem'), ca: file('ca.pem') }
  const server = createServer({ ...tls, requestCert: true, rejectUnauthorized: true }, (request, response) => {
    const { subject } = (request.socket as import('node:tls').TLSSocket).getPeerCertificate()
    response.end(JSON.stringify([String(subject.CN)]))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe.skipIf(!hasOpenssl)('a registry behind TLS (needs the openssl command)', () => {
  const limits = { tries: 1 }

  it('is asked with our certificate, and must have one of the authority and name we trust', async () => {
    const directory = createCertificates()
    const url = await serveTls(directory)
    const open = async (tls: TlsFiles) =>
      (await openClient({ url, tls, limits }, { PASSPHRASE: 'opensesame' })).registry
    const ours = {
      cert: join(directory, 'client.pem'),
      key: join(directory, 'client.key'),
      passphrase: { env: 'PASSPHRASE' },
    }
    const trusted = { ca: join(directory, 'ca.pem'), serverName: 'registry.test' }

    const registry = await open({ ...trusted, ...ours })
    expect((await registry.subjects()).items).toEqual(['client'])

    const withoutCertificate = await open(trusted)
    await expect(withoutCertificate.subjects()).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' })
    for (const tls of [ours, { ...trusted, ...ours, serverName: 'other.test' }]) {
      await expect((await open(tls)).subjects()).rejects.toMatchObject({
        code: 'REGISTRY_UNREACHABLE',
        fix: expect.stringContaining('tls.ca'),
      })
    }
  })
})
