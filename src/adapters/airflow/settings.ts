import { join, resolve } from 'node:path'
import { parseDuration } from '../../sdk/quantities.ts'
import type { AirflowAuth, AirflowConfig } from '../../sdk/targets/airflow.ts'
import { SettingsReader, type Surroundings } from '../system/settings-reader.ts'

/** What a task on a worker is started with. */
export interface TaskProgram {
  readonly command: readonly string[]
  /** Absolute, on the worker; as are all paths here. */
  readonly project: string
  readonly state: string
  /** As the configuration names it. */
  readonly target: string
}

export type Credentials =
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  | { readonly kind: 'token'; readonly token: string }

/** A configuration with its secrets read. */
export interface Settings {
  /** Its path has no slash at its end. */
  readonly url: URL
  /** Read when they are first needed: a task has no use for them. */
  readonly credentials: () => Credentials
  /** Absolute. */
  readonly dags: string
  readonly program: TaskProgram
  readonly timeoutMs: number
  readonly tries: number
  readonly parseMs: number
}

/** Where `millrace stack up` has it, in the state directory. */
const stackDags = 'stack/airflow/airflow/data/dags'

/** @throws MillraceError `CONFIG_INVALID`, `DURATION_INVALID`. */
export function readSettings(config: AirflowConfig, program: TaskProgram, surroundings: Surroundings): Settings {
  const { auth, task = {}, limits = {} } = config
  const reader = new SettingsReader('airflow', surroundings)
  return {
    url: readUrl(config.url, reader),
    credentials: () => credentials(auth, reader),
    dags: config.dags === undefined ? join(program.state, stackDags) : resolve(surroundings.directory, config.dags),
    program: { ...program, ...task },
    timeoutMs: parseDuration(limits.timeout ?? '10s'),
    tries: reader.whole(limits.tries ?? 4, 'limits.tries', 20),
    parseMs: parseDuration(limits.parse ?? '90s'),
  }
}

function readUrl(text: string, reader: SettingsReader): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.username || url?.password) {
    throw reader.invalid('url', 'The URL contains a user or password.', 'Use `auth` for them.')
  }
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.search !== '' || url.hash !== '') {
    const fix = 'Give a whole URL, such as https://airflow.example.com or http://127.0.0.1:8080.'
    throw reader.invalid('url', `${JSON.stringify(text)} is not the URL of an Airflow API server.`, fix)
  }
  url.pathname = url.pathname.replace(/\/+$/, '')
  return url
}

function credentials(auth: AirflowAuth, reader: SettingsReader): Credentials {
  if (auth.kind === 'token') return { kind: 'token', token: reader.secret(auth.token, 'auth.token') }
  const { user, password } = auth
  const fix = 'Correct the path, or start first what writes it: `millrace stack up airflow`.'
  return {
    kind: 'password',
    user: reader.text(user, 'auth.user'),
    password:
      'file' in password ? reader.secretFile(password, 'auth.password', fix) : reader.secret(password, 'auth.password'),
  }
}
