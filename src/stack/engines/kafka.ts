import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Engine, Place } from '../engine.ts'
import { javaRuntime } from '../java-runtime.ts'
import { probeKafka } from '../probes.ts'

/** One node of Kafka 4 is broker and controller. */
export const kafka: Engine = {
  kind: 'kafka',
  name: 'kafka',
  title: 'Kafka 4.4.0',
  ports: { client: 9092, controller: 9093 },
  folder: 'kafka',
  runtime: javaRuntime('copy-dependencies', { from: 17, to: null, best: 21 }),
  settingsFile: 'server.properties',
  secrets: [],
  services: [
    {
      name: 'kafka',
      heap: '512m',
      listens: ['client', 'controller'],
      templates: ['server.properties', 'log4j2.xml'],
      prepare: place => {
        const format = ['format', '--standalone', '--cluster-id', clusterId(), '--config']
        return [...java(place), 'kafka.tools.StorageTool', ...format, join(place.conf, 'server.properties')]
      },
      start: place => [...java(place), 'kafka.Kafka', join(place.conf, 'server.properties')],
      probe: ({ ports }, signal) => probeKafka(ports.client, signal),
    },
  ],
  address: ports => `127.0.0.1:${ports.client}`,
  connection: ports => ({ bootstrapServers: [`127.0.0.1:${ports.client}`] }),
}

function java({ files, conf }: Place): readonly string[] {
  return [
    '-XX:+ExitOnOutOfMemoryError',
    `-Dlog4j2.configurationFile=${pathToFileURL(join(conf, 'log4j2.xml'))}`,
    '-cp',
    join(files, '*'),
  ]
}

/** As Kafka writes ids: 16 bytes in base64url. One that begins with a dash would be read as an option. */
function clusterId(): string {
  const bytes = randomBytes(16)
  bytes[0]! &= 0x7f
  return bytes.toString('base64url')
}
