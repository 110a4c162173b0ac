import { Consumer, FetchIsolationLevels, MessagesStreamModes, ProduceAcks, Producer } from '@platformatic/kafka'

/** Counts what is committed in a topic with the bare client, from where it counted last. */
export class TopicCount {
  readonly #topic: string
  readonly #producer: Producer
  readonly #consumer: Consumer
  /** Where to go on, by partition. */
  readonly #next: bigint[]

  constructor(broker: string, topic: string, partitions: number) {
    const common = { clientId: 'count', bootstrapBrokers: [broker] }
    this.#topic = topic
    this.#producer = new Producer({ ...common, acks: ProduceAcks.ALL })
    this.#consumer = new Consumer({ ...common, groupId: 'count' })
    this.#next = Array.from({ length: partitions }, () => 0n)
  }

  /** Puts a record at the end of each partition, and counts those before it. */
  async count(): Promise<number> {
    const topic = this.#topic
    const { offsets } = await this.#producer.send({
      messages: this.#next.map((_, partition) => ({ topic, partition, value: Buffer.from('end') })),
    })
    const ends = new Map(offsets!.map(({ partition, offset }) => [partition, offset]))
    const stream = await this.#consumer.consume({
      ...{ topics: [topic], mode: MessagesStreamModes.MANUAL, isolationLevel: FetchIsolationLevels.READ_COMMITTED },
      offsets: this.#next.map((offset, partition) => ({ topic, partition, offset })),
    })
    let records = 0
    for await (const { partition, offset } of stream) {
      if (offset !== ends.get(partition)) records += 1
      else {
        this.#next[partition] = offset + 1n
        ends.delete(partition)
        if (ends.size === 0) break
      }
    }
    await stream.close()
    return records
  }

  async close(): Promise<void> {
    await this.#producer.close()
    await this.#consumer.close(true)
  }
}
