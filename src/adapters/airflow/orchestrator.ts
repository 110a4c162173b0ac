import { once } from 'node:events'
import type { Clock, Random } from '../../ports/clock.ts'
import type { Orchestrator } from '../../ports/orchestrator.ts'
import type { AirflowConfig } from '../../sdk/targets/airflow.ts'
import type { Surroundings } from '../system/settings-reader.ts'
import { createAdmin } from './admin.ts'
import { openClient } from './client.ts'
import { deploy } from './deploy.ts'
import { readSettings, type TaskProgram } from './settings.ts'
import { trigger } from './trigger.ts'

export interface AirflowSurroundings extends Surroundings {
  readonly clock: Clock
  readonly random: Random
  /** How a task is started unless the configuration says otherwise. */
  readonly program: TaskProgram
}

/**
 * Airflow as the orchestrator: DAG files in its folder, everything else over its REST API.
 * @throws MillraceError `CONFIG_INVALID`, `DURATION_INVALID`.
 */
export function openAirflowOrchestrator(config: AirflowConfig, surroundings: AirflowSurroundings): Orchestrator {
  const { clock, random, program } = surroundings
  const settings = readSettings(config, program, surroundings)
  const client = openClient(settings, clock, random)
  const closing = new AbortController()
  return {
    deploy: (pipeline, dags) => deploy(client, clock, settings, pipeline, dags),
    trigger: (dag, request = {}) => trigger(client, clock, dag, request),
    /** Airflow's own workers run the tasks. */
    async serve(_, signal) {
      const end = AbortSignal.any([signal, closing.signal])
      if (!end.aborted) await once(end, 'abort')
    },
    admin: createAdmin(client, clock),
    async close() {
      closing.abort()
      client.close()
    },
  }
}
