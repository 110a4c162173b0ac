import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import type { AirflowConfig } from '../../../src/sdk/targets/airflow.ts'
import type { RunningAirflow } from './airflow.ts'

const bin = resolve(import.meta.dirname, '../../../bin/millrace.js')

export interface Setting {
  readonly project: string
  readonly statePath: string
  /** What tasks are told as well. */
  readonly env: { readonly [name: string]: string }
}

/** Airflow as the orchestrator of a target, whose tasks are started with the environment of the test. */
export function airflowConfig({ connection }: RunningAirflow, env: Setting['env'] = {}): AirflowConfig {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  return {
    adapter: 'airflow',
    url: connection.url,
    auth: { kind: 'password', user: connection.user, password: { file: connection.passwordFile } },
    dags: connection.dagsFolder,
    task: { command: ['/usr/bin/env', ...variables, process.execPath, bin] },
  }
}

/** Runs a command line, and gives what it printed on standard output. Throws with what it said if it fails. */
export function millrace({ project, statePath, env }: Setting, ...args: readonly string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const options = { env: { ...process.env, ...env, MILLRACE_STATE: statePath }, maxBuffer: 2 ** 28 }
  execFile(process.execPath, [bin, ...args, '--project', project], options, (error, stdout, stderr) => {
    if (error === null) resolve(stdout)
    else reject(new Error(`millrace ${args.join(' ')} ended with ${error.code}: ${stdout}${stderr}`))
  })
  return promise
}

export const usersProject = join(import.meta.dirname, '../project')
