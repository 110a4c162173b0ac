/** What a user calls an engine. */
export const engineNames = ['kafka', 'schema-registry', 'cassandra', 'spark'] as const
export type EngineName = (typeof engineNames)[number]

/** What `stack up` starts unless told. */
export const usualEngines = ['kafka', 'schema-registry', 'cassandra'] as const satisfies readonly EngineName[]

/**
 * An engine in one of its kinds: `kafka` is 4.x with KRaft, `kafka-zookeeper` 3.9 with ZooKeeper; `spark` is one process,
 * `spark-standalone` a master, a worker and its executors.
 */
export type EngineKind = EngineName | 'kafka-zookeeper' | 'spark-standalone'

export type Ports = { readonly client: number; readonly [name: string]: number }

/** What a program needs to reach an engine. */
export type Connection =
  | { readonly bootstrapServers: readonly string[] }
  | { readonly url: string }
  | { readonly contactPoints: readonly string[]; readonly port: number; readonly localDataCenter: string }
  /** `remote` as Spark writes it, such as `sc://127.0.0.1:15002`; the token that it asks for is in the file. */
  | { readonly remote: string; readonly tokenFile: string }

/** An engine as it is started natively: one or more services, started in order and stopped in reverse. */
export interface Engine {
  readonly kind: EngineKind
  readonly name: EngineName
  /** Such as `Kafka 4.4.0`. */
  readonly title: string
  /** The well-known port of each listener. The one called `client` is the one that programs connect to. */
  readonly ports: Ports
  /** The folder in `stack/` that holds its pom.xml and the templates of its files. */
  readonly folder: string
  /** How Maven gives the engine's files: jars beside each other, or an archive to unpack. */
  readonly goal: 'copy-dependencies' | 'unpack-dependencies'
  readonly java: JavaVersions
  /** The file that `EngineOptions.settings` change; null: there is none. */
  readonly settingsFile: string | null
  /** The environment variable by which its services learn the secret that clients must know; null: there is none. */
  readonly secretVariable: string | null
  readonly services: readonly Service[]
  address(ports: Ports): string
  /** @param secretFile where the secret is, if it has one */
  connection(ports: Ports, secretFile: string): Connection
}

/** Java versions that an engine runs on. */
export interface JavaVersions {
  readonly from: number
  /** Null: any later one. */
  readonly to: number | null
  /** The one to install where there is none. */
  readonly best: number
}

/** One process of an engine. */
export interface Service {
  readonly name: string
  /** The most memory that Java's heap takes, as `-Xmx` has it. */
  readonly heap: string
  /** Which of the engine's ports it listens on. */
  readonly listens: readonly string[]
  /** Names of templates in the engine's folder, which are filled in and written to `Place.conf` at each start. */
  readonly templates: readonly string[]
  /** Arguments of a Java program that creates `Place.data` before the first start; null: none is needed. */
  prepare(place: Place): readonly string[] | null
  /** Arguments of Java, without `-Xmx`. */
  start(place: Place): readonly string[]
  /** What it needs in its environment, besides the secret. Default: nothing. */
  environment?(place: Place): { readonly [name: string]: string }
  /** Resolves if nothing that an earlier process left keeps it from starting. Default: nothing does. */
  mayStart?(ports: Ports, signal: AbortSignal): Promise<void>
  /** Resolves if it answers as it should in its own protocol. */
  probe(target: ProbeTarget, signal: AbortSignal): Promise<void>
}

/** What a probe can know of the process that shall answer. */
export interface ProbeTarget {
  readonly ports: Ports
  readonly connection: Connection
  /** The process's own, see `Place`. */
  readonly mark: string
}

/** Where a service runs; all paths are absolute. */
export interface Place {
  /** The files Maven gave. Not to be written to. */
  readonly files: string
  readonly conf: string
  readonly data: string
  readonly logs: string
  readonly ports: Ports
  /** A random UUID, other in each process: by it an answer can be told from one of an earlier process. */
  readonly mark: string
}
