import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { sinkJar } from '../../src/adapters/spark/sink-jar.ts'
import { cacheDirectory } from '../../src/stack/cache.ts'
import { engines } from '../../src/stack/engines.ts'
import { chooseJava, findJavas } from '../../src/stack/java.ts'

/** A Java that Spark runs on, and what is on its class path for each of the two. */
export interface SparkJars {
  readonly java: string
  /** Spark 4.2 with our sink, which is built. */
  readonly millrace: string
  /** Spark 3.5.7 with spark-cassandra-connector 3.5.1, which are downloaded if they are not there. */
  readonly connector: string
}

export async function prepareJars(): Promise<SparkJars> {
  const { home } = chooseJava(findJavas(process.env), { from: 17, to: 21, best: 21 }, 'Spark')
  const env = { ...process.env, JAVA_HOME: home }
  const root = resolve(import.meta.dirname, '../..')
  execFileSync('npm', ['run', '--silent', 'build:spark-sink', '--', '-DskipTests'], {
    cwd: root,
    env,
    stdio: 'inherit',
  })
  const { signal } = new AbortController()
  const { spark } = engines
  const { files } = await spark.runtime.install(spark, { env, signal, onDownload: () => {} })
  const connector = join(cacheDirectory(env), 'bench-spark-cassandra-connector-3.5.1')
  if (!existsSync(connector)) {
    const pom = join(import.meta.dirname, 'pom.xml')
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${connector}`]
    execFileSync('mvn', ['--batch-mode', '--quiet', '--file', pom, ...goal], { env, stdio: 'inherit' })
  }
  return {
    java: join(home, 'bin/java'),
    millrace: `${sinkJar()}:${join(files, 'jars/*')}`,
    connector: join(connector, '*'),
  }
}
