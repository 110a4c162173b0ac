import { isDeepStrictEqual } from 'node:util'
import type { Appended, Commit, NewRecord, Producer } from '../../ports/log.ts'
import { MillraceError } from '../../sdk/errors.ts'
import { type Share, type TopicShape, toShares } from './batching.ts'
import { type Cluster, closedError } from './cluster.ts'
import type { Connections } from './connections.ts'
import { isTransient, meaningOf } from './errors.ts'
import type { GroupMembers } from './group-members.ts'
import { fetchOffsets, type GroupIdentity, outsideOfGroup } from './group-offsets.ts'
import type { Membership } from './membership.ts'
import { TopicLimitsCache } from './topics.ts'
import { allSettled, type ProducerIdentity, TransactionRequests } from './transaction.ts'

/** An append of which everything is written but the end; whether that was heard of is not known. */
interface Unsettled {
  readonly identity: ProducerIdentity
  readonly records: readonly NewRecord[]
  readonly commits: readonly Commit[]
  readonly appended: readonly Appended[]
}

/** A commit, the member that makes it, if one does, and as whom: the member may be another by the time of the request. */
interface Committer {
  readonly commit: Commit
  readonly owner: Membership | null
  readonly identity: GroupIdentity
}

/**
 * Every append is one transaction, also one without commits: only then is it all or nothing, and only then does a
 * producer that was fenced notice. Its transactional id is the producer's.
 *
 * States: fresh → ready (an epoch of our own) → ready … ; a failure in the middle of an append → broken, from which the
 * next try takes a new epoch, which aborts what was half done; a lost answer to the end of one → unsettled, from which
 * the same end is sent until it is answered: a transaction ends once, however often it is told to. One that takes longer
 * than `limits.transaction` the brokers abort, and fence its producer, which goes on if no other has taken over.
 */
export class KafkaProducer implements Producer {
  readonly #cluster: Cluster
  readonly #members: GroupMembers
  readonly #id: string
  readonly #connections: Connections
  readonly #requests: TransactionRequests
  readonly #limits: TopicLimitsCache
  #identity: ProducerIdentity | null = null
  #broken = false
  /** Whether what was half done when it broke has ended. */
  #aborted = false
  #unsettled: Unsettled | null = null
  #keyless = 0
  #closed = false
  /** Appends take turns: a producer has one transaction at a time. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(cluster: Cluster, members: GroupMembers, id: string) {
    this.#cluster = cluster
    this.#members = members
    this.#id = id
    this.#connections = cluster.connect()
    this.#requests = new TransactionRequests(cluster, this.#connections, id)
    this.#limits = new TopicLimitsCache(cluster)
  }

  /** Fences every earlier producer of this id. */
  async open(): Promise<void> {
    await this.#cluster.retrying(`open producer ${this.#id}`, this.#id, async () => {
      this.#identity = await this.#requests.takeOver()
    })
  }

  append(records: readonly NewRecord[], commits: readonly Commit[] = []): Promise<readonly Appended[]> {
    const appended = this.#turn.then(() => this.#append(records, commits))
    this.#turn = appended.catch(() => {})
    return appended
  }

  get closed(): boolean {
    return this.#closed
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#cluster.briefly(this.#turn)
    await this.#connections.close()
  }

  async #append(records: readonly NewRecord[], commits: readonly Commit[]): Promise<readonly Appended[]> {
    if (this.#closed) throw closedError(`Producer ${this.#id}`)
    const doing = `append to ${[...new Set(records.map(record => record.topic))].join(', ') || 'the log'}`
    const earlier = await this.#cluster.retrying(doing, this.#id, () => this.#settle())
    if (earlier !== null && isSame(earlier, records, commits)) return earlier.appended
    if (records.length === 0 && commits.length === 0) return []
    const appended = await this.#cluster
      .retrying(doing, this.#id, () => this.#write(records, commits))
      .catch(error => Promise.reject(withoutEffect(error)))
    this.#keyless++
    this.#unsettled = { identity: this.#identity!, records, commits, appended }
    await this.#cluster.retrying(doing, this.#id, () => this.#settle())
    return appended
  }

  /** Everything of an append but its end. What fails here has had no effect: it was not committed, and never will be. */
  async #write(records: readonly NewRecord[], commits: readonly Commit[]): Promise<Appended[]> {
    if (this.#broken) await this.#recover()
    const shares = toShares(records, await this.#shapes(records), this.#keyless)
    const identity = this.#identity!
    const groups = Map.groupBy(commits, commit => commit.group)
    const committers = commits.map(commit => {
      const owner = this.#members.ownerFor(commit)
      return { commit, owner, identity: owner?.identity ?? outsideOfGroup }
    })
    try {
      await this.#announce(identity, shares, [...groups.keys()])
      const writing = this.#requests.write(identity, shares)
      await allSettled([writing, ...this.#commit(identity, committers)])
      const baseOffsets = await writing
      return shares.map(({ topic, partition, batches }, index) => ({
        topic,
        partition,
        baseOffset: baseOffsets[index]!,
        count: batches.reduce((sum, batch) => sum + batch.length, 0),
      }))
    } catch (thrown) {
      this.#broken = true
      if (isTransient(thrown)) throw thrown
      if (isFenced(thrown)) {
        await this.#resume(identity)
        throw new this.#cluster.client.ProtocolError('INVALID_TXN_STATE')
      }
      // Left open, it would hide what others append, and keep the next owner of a partition waiting for its commits.
      await this.#requests.abort(identity).catch(() => {})
      if (meaningOf(thrown)?.code !== 'PARTITION_LOST') throw thrown
      // A partition that stays is the member's under the next generation too; whether it stays, the next answer tells.
      await Promise.all(committers.map(({ owner }) => owner?.confirm()))
      throw new this.#cluster.client.ProtocolError('REBALANCE_IN_PROGRESS')
    }
  }

  /** Ends what is half done, and goes on with a new epoch. */
  async #recover(): Promise<void> {
    const identity = this.#identity!
    try {
      // Left open, it would be aborted by the new epoch, too, but Kafka 3 then takes the tries after the first for fenced.
      if (!this.#aborted) await this.#requests.abort(identity)
    } catch (thrown) {
      if (!isFenced(thrown)) throw thrown
      return await this.#resume(identity)
    }
    // A new epoch whose answer is lost fences the old one: it may be asked for again, but not used for anything else.
    this.#aborted = true
    this.#identity = await this.#requests.renew(identity)
    this.#broken = this.#aborted = false
  }

  /** @throws if another producer has taken over; else it was the brokers, and what they aborted can be begun again. */
  async #resume(fenced: ProducerIdentity): Promise<void> {
    this.#identity = await this.#requests.resume(fenced)
    this.#broken = this.#aborted = false
  }

  /** One request for each group, or member of one. */
  #commit(identity: ProducerIdentity, committers: readonly Committer[]): Promise<void>[] {
    const requests = Map.groupBy(committers, ({ commit, owner }) => owner ?? commit.group)
    return [...requests.values()].map(ofOne => {
      const { commit, identity: member } = ofOne[0]!
      const commits = ofOne.map(each => each.commit)
      return this.#requests.commitOffsets(identity, commit.group, member, commits)
    })
  }

  /** The markers of the transaction before may still be on their way, which takes a few milliseconds. */
  async #announce(identity: ProducerIdentity, shares: readonly Share[], groups: readonly string[]): Promise<void> {
    for (let failures = 0; ; failures++) {
      try {
        return await this.#requests.announce(identity, shares, groups)
      } catch (thrown) {
        if (failures >= 10 || meaningOf(thrown)?.name !== 'CONCURRENT_TRANSACTIONS') throw thrown
      }
      await this.#cluster.pause(failures, 1)
    }
  }

  /** Ends the append that is written; null if there is none. */
  async #settle(): Promise<Unsettled | null> {
    const unsettled = this.#unsettled
    if (unsettled === null) return null
    try {
      await this.#requests.commit(unsettled.identity)
    } catch (thrown) {
      if (!(await this.#isCommittedAlready(unsettled, thrown))) {
        this.#unsettled = null
        throw new MillraceError('LOG_FAILED', `The broker has aborted an append of producer ${this.#id}.`, {
          place: this.#id,
          retry: 'now',
          cause: thrown,
        })
      }
    }
    this.#unsettled = null
    return unsettled
  }

  /**
   * Whether an append that a broker refuses to commit is committed already, not aborted; the producer can go on then.
   * @throws what was thrown where that is not known
   */
  async #isCommittedAlready({ identity, commits }: Unsettled, thrown: unknown): Promise<boolean> {
    if (meaningOf(thrown)?.name === 'INVALID_TXN_STATE') {
      this.#broken = true
      return false
    }
    const [commit] = commits
    if (commit === undefined || !isFenced(thrown)) throw thrown
    await this.#resume(identity)
    const { group, topic, partition, next, metadata } = commit
    const [found] = await fetchOffsets(this.#cluster, group, { name: topic, partitions: [partition] })
    return found?.next === next && found.metadata === metadata
  }

  async #shapes(records: readonly NewRecord[]): Promise<ReadonlyMap<string, TopicShape>> {
    const shapes = new Map<string, TopicShape>()
    for (const { topic: name } of records) {
      if (shapes.has(name)) continue
      const { leaders } = await this.#cluster.topic(name)
      shapes.set(name, { name, partitions: leaders.length, ...(await this.#limits.of(name)) })
    }
    return shapes
  }
}

/** What was never told to commit has had no effect, even where a request of it was not answered. */
function withoutEffect(error: MillraceError): MillraceError {
  if (error.outcome === 'failed') return error
  const { code, message, place, fix, retry, cause } = error
  return new MillraceError(code, message, { ...(place && { place }), ...(fix && { fix }), retry, cause })
}

function isFenced(thrown: unknown): boolean {
  return meaningOf(thrown)?.code === 'PRODUCER_FENCED'
}

/** Whether this is the same append again. */
function isSame(earlier: Unsettled, records: readonly NewRecord[], commits: readonly Commit[]): boolean {
  if (earlier.records === records && earlier.commits === commits) return true
  return isDeepStrictEqual(earlier.records, records) && isDeepStrictEqual(earlier.commits, commits)
}
