import { createHash } from 'node:crypto'
import type { SourceRun } from '../../ports/source.ts'
import { MillraceError } from '../../sdk/errors.ts'
import { checkUrl, type HttpSecret, type HttpSettings } from '../../sdk/sources/http.ts'
import { type Position, pageParameter } from './position.ts'

export type Environment = { readonly [name: string]: string | undefined }

export interface PageRequest {
  readonly url: URL
  /** The URL as messages show it: without secrets. */
  readonly shown: string
  /** As declared, secrets filled in: for the URL's own origin only. */
  readonly headers: { readonly [name: string]: string }
  /** For any origin. */
  readonly plainHeaders: { readonly [name: string]: string }
}

export type MakeRequest = (at: Position, run: SourceRun | null, size: number | null) => PageRequest

/**
 * What every request of a source has in common, with the environment's values filled in.
 * @throws MillraceError `CONFIG_INVALID` for a variable that is missing or not usable.
 */
export function requestMaker(settings: HttpSettings, env: Environment, userAgent: string, name: string): MakeRequest {
  const override = settings.urlEnv === null ? undefined : env[settings.urlEnv]
  const base = override ? checkUrl(override, settings.urlEnv ?? name) : checkUrl(settings.url, name)
  const resolve = (value: string | HttpSecret) => (typeof value === 'string' ? value : readSecret(value, env, name))
  const query = Object.entries(settings.query).map(([key, value]) => ({
    key,
    value: resolve(value),
    shown: typeof value === 'string' ? value : '***',
  }))
  const headers: Record<string, string> = {}
  for (const [key, value] of Object.entries(settings.headers)) headers[key] = resolve(value)
  const plainHeaders = { accept: 'application/json', 'user-agent': userAgent }

  return (at, run, size) => {
    const url = new URL(base)
    const shown = new URL(base)
    const set = (key: string, value: string, show = value) => {
      url.searchParams.set(key, value)
      shown.searchParams.set(key, show)
    }
    for (const { key, value, shown } of query) set(key, value, shown)
    if (settings.size && size !== null) set(settings.size.parameter, String(size))
    const parameter = pageParameter(settings.page, at)
    if (parameter) set(...parameter)
    if (settings.seed && run) set(settings.seed.parameter, seedText(run.seed, settings.seed.digits))
    return { url, shown: shown.href, headers, plainHeaders }
  }
}

function seedText(seed: string, digits: number | null): string {
  return digits === null ? seed : createHash('sha256').update(seed).digest('hex').slice(0, digits)
}

function readSecret(secret: HttpSecret, env: Environment, name: string): string {
  const value = env[secret.env]
  if (value) return secret.prefix + value
  throw new MillraceError('CONFIG_INVALID', `The environment variable ${secret.env} is not set.`, {
    place: `source ${name}`,
    fix: `Set ${secret.env} where the stage runs.`,
  })
}
