import { join } from 'node:path'
import type { Engine } from '../engine.ts'
import { requireNoServer } from '../postgres-lock.ts'
import { postgresRuntime } from '../postgres-runtime.ts'
import { probePostgres } from '../probes.ts'
import { secretFile } from '../secret.ts'

const passwordVariable = 'POSTGRES_PASSWORD'
const user = 'postgres'
const database = 'postgres'

/** Where Airflow keeps what it knows. */
export const postgres: Engine = {
  kind: 'postgres',
  name: 'postgres',
  title: 'PostgreSQL',
  // Many machines have one of their own at 5432.
  ports: { client: 15_432 },
  folder: 'postgres',
  runtime: postgresRuntime(),
  settingsFile: 'postgresql.conf',
  secrets: [{ variable: passwordVariable, lasting: true }],
  services: [
    {
      name: 'postgres',
      heap: null,
      listens: ['client'],
      templates: ['postgresql.conf'],
      files: ({ secrets }) => ({ password: secrets[passwordVariable]! }),
      prepare: ({ conf, data }) => [
        ...['initdb', '--pgdata', data, '--username', user, `--pwfile=${join(conf, 'password')}`],
        ...['--auth=scram-sha-256', '--encoding=UTF8', '--no-locale'],
      ],
      mayStart: async ({ data }) => requireNoServer(data),
      start: ({ conf, data }) => ['postgres', '-D', data, `--config_file=${join(conf, 'postgresql.conf')}`],
      // Fast: clients are cut off. SIGTERM would wait for them.
      stopSignal: 'SIGINT',
      probe: ({ ports }, signal) => probePostgres(ports.client, { user, database }, signal),
    },
  ],
  address: ports => `127.0.0.1:${ports.client}`,
  connection: (ports, own) => ({
    ...{ host: '127.0.0.1', port: ports.client, user, database },
    passwordFile: secretFile(own, passwordVariable),
  }),
}
