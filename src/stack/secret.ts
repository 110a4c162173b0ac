import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Secret } from './engine.ts'

/**
 * Where a secret of an engine is kept. Only its owner can read the file.
 * @param own the engine's own directory
 */
export function secretFile(own: string, variable: string): string {
  return join(own, 'secrets', variable)
}

/**
 * An engine's secrets as its services find them in their environment. Each is the one the caller's environment gives, else
 * the one it was before, else a new one; a lasting one is what it was before, else the given one.
 * @param own the engine's own directory
 */
export function secretsOf(
  secrets: readonly Secret[],
  own: string,
  env: NodeJS.ProcessEnv,
): { readonly [variable: string]: string } {
  return Object.fromEntries(
    secrets.map(({ variable, initial = randomSecret, lasting = false }) => {
      const path = secretFile(own, variable)
      const given = env[variable]
      const exists = existsSync(path)
      if (given && !(exists && lasting)) keep(path, given)
      else if (!exists) keep(path, initial())
      return [variable, readFileSync(path, 'utf8')]
    }),
  )
}

function randomSecret(): string {
  return randomBytes(32).toString('base64url')
}

function keep(path: string, secret: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(path, secret, { mode: 0o600 })
}
