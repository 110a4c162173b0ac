import type { Readers, TopicRecord } from './readers.ts'
import { type LoadMix, type SentRecord, type SentUser, sentRecord, sentValue } from './sent-record.ts'

/** A record of the topic, and what it is to become. */
export interface Entry extends TopicRecord {
  readonly sent: SentRecord
  /** Microseconds since 1970; the version its row has to have. */
  readonly version: number
}

export interface TopicViewOptions {
  readonly topic: string
  readonly partitions: number
  readonly seed: string
  readonly mix: LoadMix
  readonly encode: (user: SentUser) => Buffer
}

/** What a topic holds, read from its start and on whenever asked. The only truth about the order of records. */
export class TopicView {
  readonly options: TopicViewOptions
  /** By partition, in the order of offsets. */
  readonly partitions: Entry[][]
  /** Of users and deletes, by the user's id, in the order of offsets. */
  readonly byId = new Map<string, Entry[]>()
  /** What is in the topic and was not sent as it is there. */
  readonly strangers: string[] = []
  readonly #next: number[]
  readonly #versions: number[]

  constructor(options: TopicViewOptions) {
    this.options = options
    this.partitions = Array.from({ length: options.partitions }, () => [])
    this.#next = new Array<number>(options.partitions).fill(0)
    this.#versions = new Array<number>(options.partitions).fill(0)
  }

  async readOn(readers: Pick<Readers, 'read'>): Promise<void> {
    for (let partition = 0; partition < this.partitions.length; partition++) {
      const { records, next } = await readers.read(this.options.topic, partition, this.#next[partition]!)
      this.#next[partition] = next
      for (const record of records) this.add(record)
    }
  }

  add(record: TopicRecord): void {
    const { seed, mix, encode, topic } = this.options
    const { partition, offset, timestamp } = record
    const version = Math.max(this.#versions[partition]! + 1, timestamp * 1_000)
    this.#versions[partition] = version
    const sent = sentRecord(seed, Number(record.headers.get('sequence') ?? -1), mix)
    const value = sentValue(sent, encode)
    const same = value === null ? record.value === null : record.value !== null && value.equals(record.value)
    if (!same || String(record.key) !== sent.id) {
      this.strangers.push(`${topic}[${partition}]@${offset} is not record ${sent.sequence} of the load`)
    }
    const entry = { ...record, sent, version }
    this.partitions[partition]!.push(entry)
    if (sent.kind === 'bad') return
    const entries = this.byId.get(sent.id)
    if (entries === undefined) this.byId.set(sent.id, [entry])
    else entries.push(entry)
  }
}
