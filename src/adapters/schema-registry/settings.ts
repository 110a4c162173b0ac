import { parseDuration, parseSize } from '../../sdk/quantities.ts'
import type { SchemaRegistryAuth, SchemaRegistryConfig } from '../../sdk/targets/schema-registry.ts'
import { SettingsReader, type Surroundings, type TlsSettings } from '../system/settings-reader.ts'

/** A configuration with its secrets and files read. */
export interface Settings {
  /** Its path has no slash at its end. */
  readonly url: URL
  readonly authorization: string | null
  readonly tls: TlsSettings
  readonly timeoutMs: number
  readonly tries: number
  readonly bodyBytes: number
}

/** @throws MillraceError `CONFIG_INVALID`, `DURATION_INVALID`. */
export function readSettings(config: SchemaRegistryConfig, surroundings: Surroundings): Settings {
  const { auth, tls = {}, limits = {} } = config
  const reader = new SettingsReader('schema-registry', surroundings)
  const url = readUrl(config.url, reader)
  if (url.protocol === 'http:' && Object.keys(tls).length > 0) {
    throw reader.invalid('tls', 'The URL is not https:, so nothing would be encrypted.', 'Write https: in `url`.')
  }
  return {
    url,
    authorization: auth === undefined ? null : authorization(auth, reader),
    tls: reader.tls(tls),
    timeoutMs: parseDuration(limits.timeout ?? '10s'),
    tries: reader.whole(limits.tries ?? 4, 'limits.tries', 20),
    bodyBytes: parseSize(limits.body ?? '8 MiB'),
  }
}

function readUrl(text: string, reader: SettingsReader): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.username || url?.password) {
    throw reader.invalid('url', 'The URL contains a user or password.', "Use auth: { kind: 'basic', … } for them.")
  }
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.search !== '' || url.hash !== '') {
    const fix = 'Give a whole URL, such as https://registry.example.com or http://127.0.0.1:8081.'
    throw reader.invalid('url', `${JSON.stringify(text)} is not the URL of a schema registry.`, fix)
  }
  url.pathname = url.pathname.replace(/\/+$/, '')
  return url
}

function authorization(auth: SchemaRegistryAuth, reader: SettingsReader): string {
  if (auth.kind === 'bearer') return `Bearer ${reader.secret(auth.token, 'auth.token')}`
  const user = reader.text(auth.user, 'auth.user')
  if (user.includes(':'))
    throw reader.invalid('auth.user', 'A user name cannot have a colon in it.', 'Correct the name.')
  const password = reader.secret(auth.password, 'auth.password')
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}
