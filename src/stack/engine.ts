/** What a user calls an engine. */
export const engineNames = ['kafka', 'schema-registry', 'cassandra', 'spark', 'postgres', 'airflow'] as const
export type EngineName = (typeof engineNames)[number]

/** What `stack up` starts unless told. */
export const usualEngines = [
  'kafka',
  'schema-registry',
  'cassandra',
  'spark',
  'airflow',
] as const satisfies readonly EngineName[]

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
  | PostgresConnection
  | AirflowConnection

export interface PostgresConnection {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  /** Holds the password and nothing else. */
  readonly passwordFile: string
}

export interface AirflowConnection {
  /** Of the API server, such as `http://127.0.0.1:8080`; the REST API is below `/api/v2`. */
  readonly url: string
  readonly user: string
  /** Holds the password and nothing else. */
  readonly passwordFile: string
  /** Where Airflow looks for DAG files. */
  readonly dagsFolder: string
}

/** An engine as it is started natively: one or more services, started in order and stopped in reverse. */
export interface Engine {
  readonly kind: EngineKind
  readonly name: EngineName
  /** Such as `Kafka 4.4.0`. */
  readonly title: string
  /** The well-known port of each listener. The one called `client` is the one that programs connect to. */
  readonly ports: Ports
  /** The folder in `stack/` that says what is installed, and holds the templates of its files. */
  readonly folder: string
  readonly runtime: Runtime
  /** Engines that must run before it, and with which it keeps its data. Default: none. */
  readonly needs?: readonly EngineName[]
  /** The file that `EngineOptions.settings` change; null: there is none. */
  readonly settingsFile: string | null
  readonly secrets: readonly Secret[]
  readonly services: readonly Service[]
  address(ports: Ports): string
  /** @param own the engine's own directory, below which its secrets and services are */
  connection(ports: Ports, own: string): Connection
}

/** What clients must know, or services share: in their environment, and in a file that only its owner can read. */
export interface Secret {
  /** The name in the environment. */
  readonly variable: string
  /** What it is unless the caller's environment says. Default: 256 random bits. */
  initial?(): string
  /** Whether it stays what it was at first, since data depend on it, whatever the environment says later. Default: false. */
  readonly lasting?: boolean
}

/** What an engine's programs are written for. */
export interface Runtime {
  /**
   * Sees to it that the engine's files are there.
   * @throws MillraceError `ENGINE_MISSING` names what is not installed; `ENGINE_DOWNLOAD`.
   */
  install(engine: Pick<Engine, 'title' | 'folder'>, options: InstallOptions): Promise<Installation>
}

export interface InstallOptions {
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
  /** Told when something is to be downloaded. */
  onDownload(): void
}

/** An engine's files, and how programs among them are run. */
export interface Installation {
  /** Not to be written to. */
  readonly files: string
  /** The user to whom a service's data belongs and as whom it runs. Null: the caller. */
  readonly owner: Owner | null
  /** A program that ends. */
  prepare(args: readonly string[]): Command
  /** A service. Its command line carries the mark. */
  serve(args: readonly string[], options: ServeOptions): Command
}

export interface Owner {
  readonly uid: number
  readonly gid: number
}

export interface Command {
  readonly command: string
  readonly args: readonly string[]
}

export interface ServeOptions {
  readonly mark: string
  /** Null: it has no Java heap. */
  readonly heap: string | null
}

/** One process of an engine. */
export interface Service {
  readonly name: string
  /** The most memory that Java's heap takes, as `-Xmx` has it; null: it is not Java. */
  readonly heap: string | null
  /** Which of the engine's ports it listens on. */
  readonly listens: readonly string[]
  /** Names of templates in the engine's folder, which are filled in and written to `Place.conf` at each start. */
  readonly templates: readonly string[]
  /** Directories that it wants to find. Default: none but those of `Place`. */
  directories?(place: Place): readonly string[]
  /** Files of `Place.conf` that are no templates, by their names. Default: none. */
  files?(place: Place): { readonly [name: string]: string }
  /** Arguments of a program that creates `Place.data` before the first start, for `Installation`; null: none is needed. */
  prepare(place: Place): readonly string[] | null
  /** Arguments for `Installation.serve`. */
  start(place: Place): readonly string[]
  /** What it needs in its environment, besides the secrets. Default: nothing. */
  environment?(place: Place): { readonly [name: string]: string }
  /** How it is asked to end. Default: SIGTERM. */
  readonly stopSignal?: NodeJS.Signals
  /** Names of its log files, without `.log`. Default: its own. */
  readonly logs?: readonly string[]
  /** Resolves if nothing that an earlier process left keeps it from starting. Default: nothing does. */
  mayStart?(place: Place, signal: AbortSignal): Promise<void>
  /** Resolves if it answers as it should in its own protocol. */
  probe(target: ProbeTarget, signal: AbortSignal): Promise<void>
}

/** What a probe can know of the process that shall answer. */
export interface ProbeTarget {
  readonly ports: Ports
  readonly connection: Connection
  /** The process's own, see `Place`. */
  readonly mark: string
  /** When the process was started, ISO 8601. */
  readonly startedAt: string
}

/** Where a service runs; all paths are absolute. */
export interface Place {
  /** See `Installation`. */
  readonly files: string
  readonly conf: string
  readonly data: string
  readonly logs: string
  readonly ports: Ports
  /** A random UUID, other in each process: by it an answer can be told from one of an earlier process. */
  readonly mark: string
  /** Of the engine, by variable. */
  readonly secrets: { readonly [variable: string]: string }
  /** How to reach the engines that it needs. */
  readonly needs: { readonly [name in EngineName]?: Connection }
}
