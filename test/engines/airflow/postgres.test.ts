import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { engines } from '../../../src/stack/engines.ts'
import { startNative, stopNative } from '../../../src/stack/native.ts'
import { postgresRuntime } from '../../../src/stack/postgres-runtime.ts'
import { killMarked } from '../../../src/stack/process.ts'
import { temporaryDirectory } from '../../support.ts'

it.each([
  ['of this machine, or else of npm', postgresRuntime()],
  ['of npm', postgresRuntime(async () => null)],
])('PostgreSQL %s starts, again after it was killed, and stops at once', async (_, runtime) => {
  const postgres = { ...engines.postgres, runtime }
  const { signal } = new AbortController()
  const options = { directory: temporaryDirectory(), env: process.env, signal, ports: 'free' } as const
  onTestFinished(() => stopNative(postgres, options))
  const { services, connection } = await startNative(postgres, options)
  expect(statSync((connection as { passwordFile: string }).passwordFile).mode & 0o777).toBe(0o600)

  await killMarked(services[0]!.token)
  const again = await startNative(postgres, options)
  expect(again.services[0]!.pid).not.toBe(services[0]!.pid)

  const begun = performance.now()
  await stopNative(postgres, options)
  expect(performance.now() - begun).toBeLessThan(15_000)
  expect(existsSync(join(options.directory, 'postgres/postgres/data/postmaster.pid'))).toBe(false)
})
