import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { AirflowConnection } from '../../../src/stack/engine.ts'
import { findStarted } from '../../../src/stack/process.ts'
import { readStack } from '../../../src/stack/record.ts'
import { type RunningEngine, type StartEngineOptions, startEngine } from '../../../src/stack/start-engine.ts'
import { temporaryDirectory } from '../../support.ts'

export type Component = 'api-server' | 'scheduler' | 'dag-processor'

/** Airflow on PostgreSQL, of a test's own. */
export interface RunningAirflow {
  readonly engine: RunningEngine
  readonly directory: string
  readonly connection: AirflowConnection
  /** What its supervisor said so far. */
  log(): string
  /** Every process of Airflow, or of one of its components: workers and tasks included. */
  processes(component?: Component): readonly number[]
  /** The process of a component that its supervisor has started. */
  leader(component: Component): number
}

/** Stopped with the test. */
export async function startAirflow(options: Omit<StartEngineOptions, 'directory'> = {}): Promise<RunningAirflow> {
  const directory = temporaryDirectory()
  const engine = await startEngine('airflow', { ...options, directory })
  onTestFinished(() => engine.stop())
  const token = () => readStack(directory).engines.airflow!.services[0]?.token ?? ''
  const log = () => readFileSync(join(directory, 'airflow/airflow/logs/airflow.out'), 'utf8')
  return {
    engine,
    directory,
    connection: engine.connection as AirflowConnection,
    log,
    processes: component => findStarted(component === undefined ? token() : `${token()}/${component}`),
    leader: component => {
      const found = [...log().matchAll(new RegExp(`${component} is process (\\d+)`, 'g'))]
      return Number(found.at(-1)![1])
    },
  }
}

/** The answer of the REST API to somebody who has signed in with that password. */
export async function call(
  { connection: { url, user } }: RunningAirflow,
  password: string,
  path: string,
  init: RequestInit = {},
): Promise<{ readonly status: number; readonly body: unknown }> {
  const headers = { 'content-type': 'application/json' }
  const credentials = JSON.stringify({ username: user, password })
  const signedIn = await fetch(`${url}/auth/token`, { method: 'POST', headers, body: credentials })
  if (!signedIn.ok) return { status: signedIn.status, body: await signedIn.json() }
  const { access_token } = (await signedIn.json()) as { readonly access_token: string }
  const authorization = `Bearer ${access_token}`
  const response = await fetch(`${url}/api/v2${path}`, { ...init, headers: { ...headers, authorization } })
  return { status: response.status, body: await response.json() }
}
