/** What a user calls an engine. */
export const engineNames = ['kafka', 'schema-registry', 'cassandra'] as const
export type EngineName = (typeof engineNames)[number]

/** An engine in one of its kinds: `kafka` is 4.x with KRaft, `kafka-zookeeper` 3.9 with ZooKeeper. */
export type EngineKind = EngineName | 'kafka-zookeeper'

export type Ports = { readonly client: number; readonly [name: string]: number }

/** What a program needs to reach an engine. */
export type Connection =
  | { readonly bootstrapServers: readonly string[] }
  | { readonly url: string }
  | { readonly contactPoints: readonly string[]; readonly port: number; readonly localDataCenter: string }

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
  readonly services: readonly Service[]
  address(ports: Ports): string
  connection(ports: Ports): Connection
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
  /** Resolves if nothing that an earlier process left keeps it from starting. Default: nothing does. */
  mayStart?(ports: Ports, signal: AbortSignal): Promise<void>
  /** Resolves if it answers as it should in its own protocol. */
  probe(ports: Ports, signal: AbortSignal): Promise<void>
}

/** Where a service runs; all paths are absolute. */
export interface Place {
  /** The files Maven gave. Not to be written to. */
  readonly files: string
  readonly conf: string
  readonly data: string
  readonly logs: string
  readonly ports: Ports
}
