import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Engine } from './engine.ts'

/** Where the secret of an engine is kept, if it has one. Only its owner can read the file. */
export function secretFile(directory: string, engine: Engine): string {
  return join(directory, engine.kind, 'secret')
}

/**
 * An engine's secret as its services find it in their environment; empty for an engine that has none. It is the one the
 * caller's environment gives, else the one it had before, else a new one of 256 random bits.
 */
export function secretOf(
  engine: Engine,
  directory: string,
  env: NodeJS.ProcessEnv,
): { readonly [variable: string]: string } {
  const { secretVariable } = engine
  if (secretVariable === null) return {}
  const path = secretFile(directory, engine)
  const given = env[secretVariable]
  if (given) keep(path, given)
  else if (!existsSync(path)) keep(path, randomBytes(32).toString('base64url'))
  return { [secretVariable]: readFileSync(path, 'utf8') }
}

function keep(path: string, secret: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(path, secret, { mode: 0o600 })
}
