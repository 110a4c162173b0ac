import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { airflowRuntime } from '../airflow-runtime.ts'
import type { Engine, Place, PostgresConnection } from '../engine.ts'
import { probeAirflow } from '../probes.ts'
import { secretFile } from '../secret.ts'
import type { Component, Supervision } from '../supervisor.ts'

const passwordVariable = 'AIRFLOW_PASSWORD'
const user = 'airflow'

/** In the data directory. */
const dagsFolder = 'dags'

/** How long tasks may go on after they were asked to end, in milliseconds. */
const drainMs = 20_000

/**
 * Whether the database is of this version is looked at by the API server alone: what that takes, 7 MB, would stay in the others
 * and in each worker of the scheduler.
 */
const unchecked = { AIRFLOW__DATABASE__CHECK_MIGRATIONS: 'False' }

/** Its components, and what they are started with. Tasks need the API server until they have ended. */
const components: readonly Omit<Component, 'command'>[] = [
  { name: 'api-server', args: ['api-server'] },
  // Whose logs are read from their files.
  { name: 'scheduler', args: ['scheduler', '--skip-serve-logs'], env: unchecked },
  { name: 'dag-processor', args: ['dag-processor'], env: unchecked },
]

/** API server, scheduler and DAG processor; tasks run in processes of the scheduler. */
export const airflow: Engine = {
  kind: 'airflow',
  name: 'airflow',
  title: 'Airflow 3.3.2',
  ports: { client: 8080 },
  folder: 'airflow',
  runtime: airflowRuntime,
  needs: ['postgres'],
  settingsFile: 'airflow.env',
  secrets: [
    // As in the seed system; nobody but this machine's users can reach it.
    { variable: passwordVariable, initial: () => 'airflow' },
    { variable: 'AIRFLOW__CORE__FERNET_KEY', initial: fernetKey, lasting: true },
    { variable: 'AIRFLOW__API_AUTH__JWT_SECRET' },
    { variable: 'AIRFLOW__API__SECRET_KEY' },
  ],
  services: [
    {
      name: 'airflow',
      heap: null,
      listens: ['client'],
      templates: ['airflow.env'],
      directories: ({ data }) => [join(data, dagsFolder)],
      files: ({ secrets }) => ({ 'passwords.json': JSON.stringify({ [user]: secrets[passwordVariable] }) }),
      prepare: () => ['-m', 'airflow', 'db', 'migrate'],
      start: ({ files, logs }) => {
        const command = join(files, 'bin/python')
        const supervision: Supervision = {
          components: components.map(each => ({ ...each, command, args: ['-m', 'airflow', ...each.args] })),
          logs,
          drainMs,
        }
        return [JSON.stringify(supervision)]
      },
      environment,
      logs: components.map(({ name }) => name),
      probe: ({ ports, startedAt }, signal) => probeAirflow(urlOf(ports.client), startedAt, signal),
    },
  ],
  address: ports => urlOf(ports.client),
  connection: (ports, own) => ({
    url: urlOf(ports.client),
    user,
    passwordFile: secretFile(own, passwordVariable),
    dagsFolder: join(own, 'airflow/data', dagsFolder),
  }),
}

function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`
}

/** As `cryptography.fernet` wants it: 32 bytes, with the padding. */
function fernetKey(): string {
  return randomBytes(32).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
}

function environment({ conf, data, needs }: Place): { readonly [name: string]: string } {
  return {
    ...readSettings(join(conf, 'airflow.env')),
    AIRFLOW_HOME: data,
    AIRFLOW__CORE__DAGS_FOLDER: join(data, dagsFolder),
    AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS: `${user}:admin`,
    AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE: join(conf, 'passwords.json'),
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN: databaseUrl(needs.postgres as PostgresConnection),
    // Processes change their titles, and would overwrite the mark in their environments.
    SPT_NOENV: '1',
  }
}

function databaseUrl({ host, port, user: name, database, passwordFile }: PostgresConnection): string {
  const password = encodeURIComponent(readFileSync(passwordFile, 'utf8'))
  return `postgresql+psycopg2://${name}:${password}@${host}:${port}/${database}`
}

function readSettings(path: string): { readonly [name: string]: string } {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter(line => line.startsWith('AIRFLOW__'))
  return Object.fromEntries(lines.map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}
