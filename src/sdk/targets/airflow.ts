import type { Duration } from '../quantities.ts'
import type { SecretInEnvironment, SecretInFile } from './connection.ts'

/**
 * Apache Airflow 3.3 or newer, as the `orchestrator` of a target:
 *
 *     {
 *       adapter: 'airflow',
 *       url: 'http://127.0.0.1:8080',
 *       auth: { kind: 'password', user: 'airflow', password: { env: 'AIRFLOW_PASSWORD' } },
 *       dags: '/opt/airflow/dags',
 *     }
 *
 * Plain JSON. Secrets stay in the environment of the process that uses them.
 */
export type AirflowConfig = {
  readonly adapter: 'airflow'
  /** Of the API server, `http:` or `https:`, without user and password. A path is kept. */
  readonly url: string
  readonly auth: AirflowAuth
  /**
   * The folder that `apply` writes DAG files to: Airflow's own `dags_folder`, or one that is copied there. Relative paths start
   * at the project's directory. Default: that of the Airflow which `millrace stack up` starts.
   */
  readonly dags?: string
  /** How a worker of Airflow starts a task of ours, where that is not as this process runs. */
  readonly task?: AirflowTask
  readonly limits?: AirflowLimits
}

/** Who asks Airflow's API. */
export type AirflowAuth =
  | {
      readonly kind: 'password'
      readonly user: string | SecretInEnvironment
      readonly password: SecretInEnvironment | SecretInFile
    }
  /** A token that whoever starts the process keeps valid: it is read once, and not renewed. */
  | { readonly kind: 'token'; readonly token: SecretInEnvironment }

export type AirflowTask = {
  /** What starts Millrace on a worker. Default: this Node with this Millrace. */
  readonly command?: readonly string[]
  /** The directory of millrace.config.ts on a worker. Default: this project's. */
  readonly project?: string
  /** The state directory on a worker. Default: this process's. */
  readonly state?: string
}

export type AirflowLimits = {
  /** For one answer. Default 10s. */
  readonly timeout?: Duration
  /** Tries for one call, the first included, if repeating it is safe. Default 4, with pauses of up to 0.1, 0.2 and 0.4 s. */
  readonly tries?: number
  /**
   * How long Airflow may take to read a DAG file that was written. Default 90s: with its own defaults it looks for new files
   * every 5 minutes, but reads a changed one about every 30 s.
   */
  readonly parse?: Duration
}
