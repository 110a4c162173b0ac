import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fetchOnce } from '../../../src/stack/cache.ts'
import { engines } from '../../../src/stack/engines.ts'
import { chooseJava, findJavas } from '../../../src/stack/java.ts'

const root = resolve(import.meta.dirname, '../../..')
/** What Maven builds and tests the jar from. */
const sources = ['spark-sink/pom.xml', 'spark-sink/src', 'test/vectors']
/** The processor looks for it there. */
const jar = 'dist/spark-sink/millrace-spark-sink.jar'

export interface SparkJars {
  readonly classPath: string
  readonly javaHome: string
}

/**
 * Builds the sink, with its own tests, and finds Spark: the version that `millrace stack` starts, or with `MILLRACE_TEST_SPARK_JARS` the
 * jars of another version in a directory, which has to have those of its Kafka source too. A jar is kept in the engines' cache for
 * as long as the sink's sources are the same; of suites that begin at once one builds it.
 */
export async function buildSink(): Promise<SparkJars> {
  const javaHome = chooseJava(findJavas(process.env), { from: 17, to: 21, best: 21 }, 'Spark').home
  const { signal } = new AbortController()
  const options = { env: process.env, signal, onDownload: () => {} }
  const built = await fetchOnce(`spark-sink-${digestOfSources()}`, options, async partial => {
    for (const each of sources) cpSync(join(root, each), join(partial, each), { recursive: true })
    execFileSync('mvn', ['-q', '-B', '-f', join(partial, 'spark-sink/pom.xml'), 'package'], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, JAVA_HOME: javaHome },
    })
    renameSync(dirname(join(partial, jar)), join(partial, 'files'))
  })
  install(join(built, 'millrace-spark-sink.jar'))
  const jars = process.env.MILLRACE_TEST_SPARK_JARS ?? (await installedJars())
  return { classPath: `${join(root, jar)}:${join(jars, '*')}`, javaHome }
}

/** As a whole, since another suite may be reading the one that is there. */
function install(from: string): void {
  const to = join(root, jar)
  mkdirSync(dirname(to), { recursive: true })
  const partial = `${to}.${process.pid}`
  copyFileSync(from, partial)
  renameSync(partial, to)
}

function digestOfSources(): string {
  const hash = createHash('sha256')
  for (const file of sources.flatMap(filesOf).sort()) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0')
  }
  return hash.digest('hex').slice(0, 16)
}

/** By paths from the root. */
function filesOf(source: string): readonly string[] {
  if (statSync(join(root, source)).isFile()) return [source]
  const inside = readdirSync(join(root, source), { recursive: true, withFileTypes: true })
  return inside.filter(each => each.isFile()).map(({ parentPath, name }) => relative(root, join(parentPath, name)))
}

async function installedJars(): Promise<string> {
  const { signal } = new AbortController()
  const { spark } = engines
  const { files } = await spark.runtime.install(spark, { env: process.env, signal, onDownload: () => {} })
  return join(files, 'jars')
}
