import { join } from 'node:path'
import { engines } from '../../../src/stack/engines.ts'

/** The Python of the Airflow that `millrace stack up airflow` starts; installed if it is not yet. */
export async function airflowPython(): Promise<string> {
  const { airflow } = engines
  const signal = new AbortController().signal
  const { files } = await airflow.runtime.install(airflow, { env: process.env, signal, onDownload: () => {} })
  return join(files, 'bin/python')
}
