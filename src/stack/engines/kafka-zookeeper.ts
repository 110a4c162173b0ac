import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Engine, Place } from '../engine.ts'
import { javaRuntime } from '../java-runtime.ts'
import { probeKafka, probeZooKeeper, requireNoBroker } from '../probes.ts'

/** The last Kafka that runs on ZooKeeper. */
export const kafkaZooKeeper: Engine = {
  kind: 'kafka-zookeeper',
  name: 'kafka',
  title: 'Kafka 3.9.2 with ZooKeeper 3.8.4',
  ports: { client: 9092, zookeeper: 2181 },
  folder: 'kafka-zookeeper',
  // It asks Java 24 for something that was taken away.
  runtime: javaRuntime('copy-dependencies', { from: 17, to: 23, best: 17 }),
  settingsFile: 'server.properties',
  secrets: [],
  services: [
    {
      name: 'zookeeper',
      heap: '128m',
      listens: ['zookeeper'],
      templates: ['zookeeper.properties', 'zookeeper.log4j.properties'],
      prepare: () => null,
      start: place => [
        ...java(place, 'zookeeper'),
        'org.apache.zookeeper.server.quorum.QuorumPeerMain',
        join(place.conf, 'zookeeper.properties'),
      ],
      probe: ({ ports }, signal) => probeZooKeeper(ports.zookeeper!, signal),
    },
    {
      name: 'kafka',
      heap: '512m',
      listens: ['client'],
      templates: ['server.properties', 'kafka.log4j.properties'],
      prepare: () => null,
      mayStart: ({ ports }, signal) => requireNoBroker(ports.zookeeper!, signal),
      start: place => [...java(place, 'kafka'), 'kafka.Kafka', join(place.conf, 'server.properties')],
      probe: ({ ports }, signal) => probeKafka(ports.client, signal),
    },
  ],
  address: ports => `127.0.0.1:${ports.client}`,
  connection: ports => ({ bootstrapServers: [`127.0.0.1:${ports.client}`] }),
}

function java({ files, conf }: Place, service: string): readonly string[] {
  return [
    '-XX:+ExitOnOutOfMemoryError',
    `-Dlog4j.configuration=${pathToFileURL(join(conf, `${service}.log4j.properties`))}`,
    // It looks for log4j's beans, which this logging has not.
    '-Dzookeeper.jmx.log4j.disable=true',
    '-cp',
    join(files, '*'),
  ]
}
