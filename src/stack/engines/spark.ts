import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Engine, Place, Ports, Service } from '../engine.ts'
import { javaRuntime } from '../java-runtime.ts'
import { secretFile } from '../secret.ts'
import { markProperty, probeSpark } from '../spark-probe.ts'

/** Spark reaches into these parts of Java; its own scripts say the same. */
const opens = [
  ...['java.lang', 'java.lang.invoke', 'java.lang.reflect', 'java.io', 'java.net', 'java.nio', 'java.util'],
  ...['java.util.concurrent', 'java.util.concurrent.atomic', 'jdk.internal.ref', 'sun.nio.ch', 'sun.nio.cs'],
  ...['sun.security.action', 'sun.util.calendar'],
]
  .map(name => `java.base/${name}`)
  .concat('java.security.jgss/sun.security.krb5')

const tokenVariable = 'SPARK_CONNECT_AUTHENTICATE_TOKEN'

/** What every kind of Spark has in common. */
export const anySpark = {
  name: 'spark',
  folder: 'spark',
  runtime: javaRuntime('copy-dependencies', { from: 17, to: 21, best: 17 }),
  settingsFile: 'spark-defaults.conf',
  secrets: [{ variable: tokenVariable }],
  address: (ports: Ports) => remoteOf(ports),
  connection: (ports: Ports, own: string) => ({ remote: remoteOf(ports), tokenFile: secretFile(own, tokenVariable) }),
} as const satisfies Partial<Engine>

/** Driver and executor in one process, with threads for eight tasks: they mostly wait, and in real-time mode each partition holds one. */
export const spark: Engine = {
  ...anySpark,
  kind: 'spark',
  title: 'Spark 4.2.0',
  ports: { client: 15_002, ui: 4040 },
  services: [
    connectServer(
      () => ['-Dspark.master=local[8]'],
      () => loopback,
    ),
  ],
}

/**
 * The server that clients connect to, which is the driver of their queries.
 * @param options of Java: where tasks run
 */
export function connectServer(
  options: (place: Place) => readonly string[],
  environment: (place: Place) => { readonly [name: string]: string },
): Service {
  return {
    name: 'spark',
    heap: '1g',
    listens: ['client', 'ui'],
    templates: ['spark-defaults.conf', 'log4j2.xml'],
    prepare: () => null,
    start: place => [
      ...sparkJava(place),
      ...options(place),
      ...readProperties(join(place.conf, 'spark-defaults.conf')).map(property => `-D${property}`),
      `-D${markProperty}=${place.mark}`,
      'org.apache.spark.sql.connect.service.SparkConnectServer',
    ],
    environment,
    probe: ({ ports, connection, mark }, signal) => probeSpark(ports.client, connection, mark, signal),
  }
}

/** Only Spark's own scripts read the file. */
function readProperties(path: string): readonly string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter(line => line.startsWith('spark.'))
}

/** The address that Spark gives its web pages, which otherwise are open to the network. */
export const loopback = { SPARK_LOCAL_IP: '127.0.0.1' }

export function sparkJava({ files, conf, data }: Place): readonly string[] {
  return [
    ...['-XX:+ExitOnOutOfMemoryError', '-XX:+IgnoreUnrecognizedVMOptions', '-Djava.net.preferIPv4Stack=true'],
    ...['--add-modules=jdk.incubator.vector', '-Dio.netty.tryReflectionSetAccessible=true'],
    ...opens.flatMap(name => ['--add-opens', `${name}=ALL-UNNAMED`]),
    `-Dlog4j2.configurationFile=${pathToFileURL(join(conf, 'log4j2.xml'))}`,
    // Uploaded artifacts and unpacked libraries go there.
    `-Djava.io.tmpdir=${data}`,
    ...['-cp', join(files, 'jars', '*')],
  ]
}

function remoteOf({ client }: Ports): string {
  return `sc://127.0.0.1:${client}`
}
