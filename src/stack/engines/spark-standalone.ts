import type { Engine, Place, Ports } from '../engine.ts'
import { probeSparkMaster } from '../spark-probe.ts'
import { anySpark, connectServer, loopback, sparkJava } from './spark.ts'

/** How much an executor's heap takes. */
const executorHeap = '512m'

/** A cluster of one worker with two cores; tasks run in executors that the worker starts. */
export const sparkStandalone: Engine = {
  ...anySpark,
  kind: 'spark-standalone',
  title: 'Spark 4.2.0 standalone',
  ports: { client: 15_002, ui: 4040, master: 7077, masterUi: 9090, worker: 7078, workerUi: 8082 },
  services: [
    {
      name: 'spark-master',
      heap: '256m',
      listens: ['master', 'masterUi'],
      templates: ['log4j2.xml'],
      prepare: () => null,
      start: place => [
        ...sparkJava(place),
        'org.apache.spark.deploy.master.Master',
        ...['--host', '127.0.0.1', '--port', String(place.ports.master)],
        ...['--webui-port', String(place.ports.masterUi)],
      ],
      environment: clusterEnvironment,
      probe: ({ ports }, signal) => probeSparkMaster(ports.masterUi!, 0, signal),
    },
    {
      name: 'spark-worker',
      heap: '256m',
      listens: ['worker', 'workerUi'],
      templates: ['log4j2.xml'],
      prepare: () => null,
      start: place => [
        ...sparkJava(place),
        'org.apache.spark.deploy.worker.Worker',
        ...['--host', '127.0.0.1', '--port', String(place.ports.worker)],
        ...['--webui-port', String(place.ports.workerUi)],
        ...['--cores', '2', '--memory', '2g', '--work-dir', place.data],
        masterUrl(place.ports),
      ],
      environment: clusterEnvironment,
      probe: ({ ports }, signal) => probeSparkMaster(ports.masterUi!, 1, signal),
    },
    connectServer(
      ({ ports }) => [`-Dspark.master=${masterUrl(ports)}`, `-Dspark.executor.memory=${executorHeap}`],
      clusterEnvironment,
    ),
  ],
}

function masterUrl({ master }: Ports): string {
  return `spark://127.0.0.1:${master}`
}

/** Workers start executors with the jars in `SPARK_HOME`. */
function clusterEnvironment({ files }: Place): { readonly [name: string]: string } {
  return { ...loopback, SPARK_HOME: files, SPARK_SCALA_VERSION: '2.13' }
}
