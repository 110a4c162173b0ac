import { compatibilityPartitioner, ProduceAcks, Producer } from '@platformatic/kafka'

/** Pages on their way at once. */
const pagesInFlight = 4

export interface PageMessage {
  readonly topic: string
  readonly key: Buffer
  readonly value: Buffer
}

/** The bare client with acks of all replicas and idempotence, tuned: one request a page, several on their way. */
export class PageProducer {
  readonly #producer: Producer<Buffer, Buffer, Buffer, Buffer>
  readonly #sent: Promise<unknown>[] = []

  constructor(broker: string) {
    this.#producer = new Producer({
      ...{ clientId: 'baseline', bootstrapBrokers: [broker], idempotent: true, acks: ProduceAcks.ALL },
      partitioner: compatibilityPartitioner,
    })
  }

  /** Resolves when there is room for another page. */
  async send(messages: PageMessage[]): Promise<void> {
    this.#sent.push(this.#producer.send({ messages }))
    if (this.#sent.length >= pagesInFlight) await this.#sent.shift()
  }

  /** Resolves when everything is acknowledged. */
  async close(): Promise<void> {
    await Promise.all(this.#sent)
    await this.#producer.close()
  }
}
