import type { Clock, Random } from '../../ports/clock.ts'
import type { Log, LogAdmin, Producer, SubscribeOptions, Subscription } from '../../ports/log.ts'
import type { KafkaConfig } from '../../sdk/targets/kafka.ts'
import type { Surroundings } from '../system/settings-reader.ts'
import { KafkaLogAdmin } from './admin.ts'
import { loadClient } from './client.ts'
import { Cluster } from './cluster.ts'
import { GroupMembers } from './group-members.ts'
import { KafkaProducer } from './producer.ts'
import { chooseProtocol } from './protocol-choice.ts'
import { readSettings } from './settings.ts'
import { defaultDrainTimeoutMs, defaultMaxBufferedBytes, KafkaSubscription } from './subscription.ts'

export interface KafkaLogOptions extends Surroundings {
  readonly clock: Clock
  readonly random: Random
}

/**
 * A log on Kafka. Nothing is asked of a broker before something is asked of the log.
 * @throws MillraceError `CONFIG_INVALID`, `DURATION_INVALID`.
 */
export async function openKafkaLog(config: KafkaConfig, options: KafkaLogOptions): Promise<Log> {
  const settings = readSettings(config, options)
  return new KafkaLog(new Cluster(await loadClient(), settings, options.clock, options.random))
}

class KafkaLog implements Log {
  readonly admin: LogAdmin
  readonly #cluster: Cluster
  readonly #members = new GroupMembers()
  readonly #opened = new Set<{ readonly closed: boolean; close(): Promise<void> }>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.admin = new KafkaLogAdmin(cluster)
  }

  async producer(id: string): Promise<Producer> {
    const producer = this.#keep(new KafkaProducer(this.#cluster, this.#members, id))
    await producer.open()
    return producer
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    const { topic, group, sessionTimeoutMs = this.#cluster.settings.sessionTimeoutMs } = options
    const protocol = await this.#cluster.retrying(`subscribe to ${topic}`, topic, async () => {
      await this.#cluster.topic(topic)
      return await chooseProtocol(this.#cluster, group, sessionTimeoutMs)
    })
    return this.#keep(
      new KafkaSubscription(this.#cluster, this.#members, protocol, {
        ...options,
        sessionTimeoutMs,
        drainTimeoutMs: options.drainTimeoutMs ?? defaultDrainTimeoutMs,
        maxBufferedBytes: options.maxBufferedBytes ?? defaultMaxBufferedBytes,
      }),
    )
  }

  /** Leaves every group first. */
  async close(): Promise<void> {
    await Promise.all([...this.#opened].map(each => each.close()))
    this.#opened.clear()
    await this.#cluster.close()
  }

  #keep<T extends { readonly closed: boolean; close(): Promise<void> }>(opened: T): T {
    for (const other of this.#opened) if (other.closed) this.#opened.delete(other)
    this.#opened.add(opened)
    return opened
  }
}
