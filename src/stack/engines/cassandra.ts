import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Engine } from '../engine.ts'
import { javaRuntime } from '../java-runtime.ts'
import { probeCassandra } from '../probes.ts'

/** Cassandra reaches into these parts of Java. */
const exports = [
  ...['java.base/jdk.internal.misc', 'java.base/jdk.internal.ref', 'java.base/java.lang.ref'],
  ...['java.management.rmi/com.sun.jmx.remote.internal.rmi', 'java.rmi/sun.rmi.registry', 'java.rmi/sun.rmi.server'],
  ...['java.sql/java.sql', 'jdk.unsupported/sun.misc', 'jdk.compiler/com.sun.tools.javac.file'],
  'jdk.attach/sun.tools.attach',
]
const opens = [
  ...['java.lang', 'java.lang.module', 'java.lang.reflect', 'java.io', 'java.nio', 'java.util', 'jdk.internal.loader'],
  ...['jdk.internal.ref', 'jdk.internal.reflect', 'jdk.internal.math', 'jdk.internal.module', 'jdk.internal.util.jar'],
  'sun.nio.ch',
]
  .map(name => `java.base/${name}`)
  .concat('jdk.management/com.sun.management.internal', 'jdk.compiler/com.sun.tools.javac')

/** One node. */
export const cassandra: Engine = {
  kind: 'cassandra',
  name: 'cassandra',
  title: 'Cassandra 5.0.9',
  ports: { client: 9042, storage: 7000 },
  folder: 'cassandra',
  runtime: javaRuntime('copy-dependencies', { from: 11, to: 17, best: 17 }),
  settingsFile: 'cassandra.yaml',
  secrets: [],
  services: [
    {
      name: 'cassandra',
      heap: '1g',
      listens: ['client', 'storage'],
      templates: ['cassandra.yaml', 'logback.xml'],
      prepare: () => null,
      start: ({ files, conf, data, logs }) => [
        ...['-XX:+ExitOnOutOfMemoryError', '-Djava.net.preferIPv4Stack=true'],
        ...['-Djdk.attach.allowAttachSelf=true', '-Dio.netty.tryReflectionSetAccessible=true'],
        ...exports.flatMap(name => ['--add-exports', `${name}=ALL-UNNAMED`]),
        ...opens.flatMap(name => ['--add-opens', `${name}=ALL-UNNAMED`]),
        `-javaagent:${join(files, 'jamm-0.4.0.jar')}`,
        `-Dcassandra.config=${pathToFileURL(join(conf, 'cassandra.yaml'))}`,
        `-Dlogback.configurationFile=${pathToFileURL(join(conf, 'logback.xml'))}`,
        ...[`-Dcassandra.storagedir=${data}`, `-Dcassandra.logdir=${logs}`],
        // There are no other nodes to wait for.
        ...['-Dcassandra.ring_delay_ms=0', '-Dcassandra.skip_wait_for_gossip_to_settle=0'],
        ...['-cp', [conf, join(files, '*')].join(delimiter)],
        'org.apache.cassandra.service.CassandraDaemon',
      ],
      probe: ({ ports }, signal) => probeCassandra(ports.client, signal),
    },
  ],
  address: ports => `127.0.0.1:${ports.client}`,
  connection: ports => ({ contactPoints: ['127.0.0.1'], port: ports.client, localDataCenter: 'datacenter1' }),
}
