import { join } from 'node:path'
import type { Engine } from '../engine.ts'
import { javaRuntime } from '../java-runtime.ts'
import { probeRegistry } from '../probes.ts'

/** Apicurio Registry, which serves the REST API of Confluent's under a path of its own and keeps schemas in a file. */
export const schemaRegistry: Engine = {
  kind: 'schema-registry',
  name: 'schema-registry',
  title: 'Apicurio Registry 3.3.3',
  ports: { client: 8081, management: 9000 },
  folder: 'schema-registry',
  runtime: javaRuntime('unpack-dependencies', { from: 21, to: null, best: 21 }),
  settingsFile: null,
  secrets: [],
  services: [
    {
      name: 'schema-registry',
      heap: '384m',
      listens: ['client', 'management'],
      templates: [],
      prepare: () => null,
      start: ({ files, data, logs, ports }) => [
        // It starts in half the time, and has little to do.
        ...['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:+ExitOnOutOfMemoryError'],
        ...['-Dquarkus.http.host=127.0.0.1', `-Dquarkus.http.port=${ports.client}`],
        ...['-Dquarkus.management.host=127.0.0.1', `-Dquarkus.management.port=${ports.management}`],
        ...['-Dapicurio.storage.kind=sql', '-Dapicurio.storage.sql.kind=h2'],
        // Without it a schema that was acknowledged is lost when the process is killed within half a second.
        `-Dapicurio.datasource.url=jdbc:h2:file:${join(data, 'h2')};WRITE_DELAY=0`,
        // Confluent's default; Apicurio's is none.
        '-Dapicurio.rules.global.compatibility=BACKWARD',
        ...['-Dquarkus.log.console.enabled=false', '-Dquarkus.log.file.enabled=true'],
        `-Dquarkus.log.file.path=${join(logs, 'schema-registry.log')}`,
        ...['-Dquarkus.log.file.rotation.max-file-size=10M', '-Dquarkus.log.file.rotation.max-backup-index=1'],
        '-jar',
        join(files, 'quarkus-run.jar'),
      ],
      probe: ({ ports }, signal) => probeRegistry(urlOf(ports.client), signal),
    },
  ],
  address: ports => urlOf(ports.client),
  connection: ports => ({ url: urlOf(ports.client) }),
}

function urlOf(port: number): string {
  return `http://127.0.0.1:${port}/apis/ccompat/v7`
}
