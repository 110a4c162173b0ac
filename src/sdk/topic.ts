import type { Duration, Size } from './quantities.ts'
import type { RecordType } from './types.ts'

/** A topic of the log, with the schema and key of its records. Build one with `topic`. */
export interface Topic<T> {
  readonly kind: 'topic'
  readonly name: string
  readonly value: RecordType<T>
  readonly key: string
  readonly partitions: number
  readonly replication: number
  readonly retention: Duration
  readonly maxRecordBytes: Size
}

export interface TopicOptions<T> {
  /** The field whose text is the record's key: text, uuid, enum, int or long. Records of one key stay in order. */
  readonly key: KeyField<T>
  readonly value: RecordType<T>
  /** Default 4. Can grow later; then new records of a key may land in another partition than its older ones. */
  readonly partitions?: number
  /** Copies of each partition, on targets that have more than one broker. Default 1. */
  readonly replication?: number
  /** Records older than this may be deleted. Default `7d`. */
  readonly retention?: Duration
  /** Largest record, key and value together: bytes, or a size such as `512 KiB`. Default `1 MiB`. */
  readonly maxRecordBytes?: Size
}

/** Fields that can be a key: never null, and with an exact text. */
export type KeyField<T> = { [K in keyof T & string]: T[K] extends string | number ? K : never }[keyof T & string]

/** Declares a topic. What is wrong with it is reported when its pipeline is compiled. */
export function topic<T>(name: string, options: TopicOptions<T>): Topic<T> {
  return Object.freeze({
    kind: 'topic' as const,
    name,
    key: options.key,
    value: options.value,
    partitions: options.partitions ?? 4,
    replication: options.replication ?? 1,
    retention: options.retention ?? '7d',
    maxRecordBytes: options.maxRecordBytes ?? '1 MiB',
  })
}
