import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { MillraceError } from '../../sdk/errors.ts'
import { parseDuration, parseSize } from '../../sdk/quantities.ts'
import type { SecretInEnvironment, TlsFiles } from '../../sdk/targets/connection.ts'
import type { SchemaRegistryAuth, SchemaRegistryConfig } from '../../sdk/targets/schema-registry.ts'
export type Environment = { readonly [name: string]: string | undefined }

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

export interface TlsSettings {
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
  readonly passphrase?: string
  readonly servername?: string
}

const maxTries = 20

/** @throws MillraceError `CONFIG_INVALID`, `DURATION_INVALID`. */
export function readSettings(config: SchemaRegistryConfig, env: Environment, directory: string): Settings {
  const { auth, tls = {}, limits = {} } = config
  const url = readUrl(config.url)
  if (url.protocol === 'http:' && Object.keys(tls).length > 0) {
    throw invalid('tls', 'The URL is not https:, so nothing would be encrypted.', 'Write https: in `url`.')
  }
  const { tries = 4 } = limits
  if (!Number.isInteger(tries) || tries < 1 || tries > maxTries) {
    throw invalid('limits.tries', `${tries} is out of range.`, `Give a whole number from 1 to ${maxTries}.`)
  }
  return {
    url,
    authorization: auth === undefined ? null : authorization(auth, env),
    tls: readTls(tls, env, directory),
    timeoutMs: parseDuration(limits.timeout ?? '10s'),
    tries,
    bodyBytes: parseSize(limits.body ?? '8 MiB'),
  }
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.username || url?.password) {
    throw invalid('url', 'The URL contains a user or password.', "Use auth: { kind: 'basic', … } for them.")
  }
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.search !== '' || url.hash !== '') {
    const fix = 'Give a whole URL, such as https://registry.example.com or http://127.0.0.1:8081.'
    throw invalid('url', `${JSON.stringify(text)} is not the URL of a schema registry.`, fix)
  }
  url.pathname = url.pathname.replace(/\/+$/, '')
  return url
}

function authorization(auth: SchemaRegistryAuth, env: Environment): string {
  if (auth.kind === 'bearer') return `Bearer ${secret(auth.token, env, 'auth.token')}`
  const user = typeof auth.user === 'string' ? auth.user : secret(auth.user, env, 'auth.user')
  if (user.includes(':')) throw invalid('auth.user', 'A user name cannot have a colon in it.', 'Correct the name.')
  const password = secret(auth.password, env, 'auth.password')
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

function readTls(tls: TlsFiles, env: Environment, directory: string): TlsSettings {
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw invalid('tls', 'Only one of cert and key is given.', 'Give both, or neither.')
  }
  const file = (option: 'ca' | 'cert' | 'key') => {
    const path = tls[option]
    return path === undefined ? {} : { [option]: readPem(resolve(directory, path), `tls.${option}`) }
  }
  return {
    ...file('ca'),
    ...file('cert'),
    ...file('key'),
    ...(tls.passphrase === undefined ? {} : { passphrase: secret(tls.passphrase, env, 'tls.passphrase') }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
  }
}

function readPem(path: string, option: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw invalid(option, `The file cannot be read: ${(cause as Error).message}.`, 'Correct the path.')
  }
}

function secret({ env: name }: SecretInEnvironment, env: Environment, option: string): string {
  const value = env[name]
  if (!value) throw invalid(option, `The environment variable ${name} is not set.`, `Set ${name} where this runs.`)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what no header may contain
  if (!/[\u0000-\u001f\u007f]/.test(value)) return value
  throw invalid(option, `The environment variable ${name} has a line break in it.`, 'Take it out of the value.')
}

function invalid(option: string, message: string, fix: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', message, { place: `schema-registry › ${option}`, fix })
}
