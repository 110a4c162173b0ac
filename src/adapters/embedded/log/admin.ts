import type {
  Commit,
  GroupDescription,
  LogAdmin,
  LogRecord,
  NextOptions,
  PartitionRange,
  TopicSpec,
} from '../../../ports/log.ts'
import type { Page, PageRequest } from '../../../ports/paging.ts'
import { MillraceError } from '../../../sdk/errors.ts'
import { describeMembers, hasLiveMembers } from './group.ts'
import { committedOffsets, storeOffset } from './offsets.ts'
import { PartitionReader } from './partition-reader.ts'
import { deleteOldest, moveStart } from './retention.ts'
import type { LogContext } from './subscription.ts'
import { alterTopic, createTopic, findTopic, rangesOf, requirePartition, requireTopic, topicsAfter } from './topics.ts'

const defaultPageItems = 100
const maxPageItems = 1_000

export class EmbeddedLogAdmin implements LogAdmin {
  readonly #context: LogContext

  constructor(context: LogContext) {
    this.#context = context
  }

  async createTopic(spec: TopicSpec): Promise<void> {
    createTopic(this.#context.file, spec)
  }

  async alterTopic(spec: TopicSpec): Promise<void> {
    alterTopic(this.#context.file, spec)
  }

  async topic(name: string): Promise<TopicSpec | null> {
    const topic = findTopic(this.#context.file, name)
    return topic === null ? null : specOf(topic)
  }

  async topics(request: PageRequest = {}): Promise<Page<TopicSpec>> {
    return page(
      request,
      (after, limit) => topicsAfter(this.#context.file, after, limit).map(specOf),
      spec => spec.name,
    )
  }

  async ranges(topic: string): Promise<readonly PartitionRange[]> {
    const { file } = this.#context
    return rangesOf(file, requireTopic(file, topic).id)
  }

  async offsetsAt(topic: string, timestamp: number): Promise<readonly { partition: number; offset: number }[]> {
    const { file } = this.#context
    const { id } = requireTopic(file, topic)
    return rangesOf(file, id).map(({ partition, start, end }) => {
      // Timestamps may step back, so the first batch that is late enough need not be the earliest of those.
      const row = file.get<{ offset: number | null }>(
        'SELECT min(base_offset) AS offset FROM batches WHERE topic_id = ? AND partition = ? AND timestamp >= ?',
        id,
        partition,
        timestamp,
      )!
      return { partition, offset: row.offset === null ? end : Math.max(start, row.offset) }
    })
  }

  async read(topic: string, partition: number, from: number, options: NextOptions): Promise<readonly LogRecord[]> {
    const { file, clock, pollMs, turns } = this.#context
    options.signal?.throwIfAborted()
    await turns.take()
    const startedAt = clock.elapsed()
    const found = requireTopic(file, topic)
    requirePartition(found, partition)
    let reader = new PartitionReader(file, found, partition, from)
    let mark = ''
    for (;;) {
      options.signal?.throwIfAborted()
      const newMark = file.changeMark()
      if (newMark !== mark) {
        const { records, start } = reader.read(options)
        if (records.length > 0) return records
        if (reader.position < start) {
          reader = new PartitionReader(file, found, partition, start)
          continue
        }
        mark = newMark
      }
      const left = options.waitMs - (clock.elapsed() - startedAt)
      if (left <= 0) return []
      await clock.sleep(Math.min(left, pollMs), options.signal)
    }
  }

  async groups(request: PageRequest = {}): Promise<Page<GroupDescription>> {
    const { file } = this.#context
    const names = page(
      request,
      (after, limit) =>
        file
          .all<{ name: string }>('SELECT name FROM groups WHERE name > ? ORDER BY name LIMIT ?', after, limit)
          .map(row => row.name),
      name => name,
    )
    return { items: names.items.map(name => this.#describe(name)), next: names.next }
  }

  async committed(group: string, topic: string): Promise<readonly Commit[]> {
    const { file } = this.#context
    requireTopic(file, topic)
    return committedOffsets(file, group).filter(commit => commit.topic === topic)
  }

  async resetOffsets(commits: readonly Commit[]): Promise<void> {
    const { file, clock, process } = this.#context
    file.write(() => {
      for (const group of new Set(commits.map(commit => commit.group))) {
        if (!hasLiveMembers(file, group, process, clock.now())) continue
        throw new MillraceError('RUN_STATE', `Group ${group} has members that are reading.`, {
          place: group,
          fix: 'Stop the stage first; a member that crashed counts until its session has timed out.',
        })
      }
      for (const commit of commits) storeOffset(file, commit)
    })
  }

  async deleteRecords(topic: string, partition: number, before: number): Promise<void> {
    const { file, turns } = this.#context
    const found = requireTopic(file, topic)
    requirePartition(found, partition)
    const { start, end } = rangesOf(file, found.id)[partition]!
    if (before > end) {
      throw new MillraceError('OFFSET_OUT_OF_RANGE', `${topic}[${partition}] ends at ${end}, before ${before}.`, {
        place: `${topic}[${partition}]@${before}`,
        fix: `Use an offset from ${start} to ${end}.`,
      })
    }
    file.write(() => moveStart(file, found.id, partition, before))
    // The records are out of reach now; what they take up is given back a little at a time, between other writers.
    while (file.write(() => deleteOldest(file, found.id, partition, Number.NEGATIVE_INFINITY)) > 0) await turns.take()
  }

  #describe(group: string): GroupDescription {
    const { file, clock, process } = this.#context
    return {
      group,
      members: describeMembers(file, group, process, clock.now()),
      offsets: committedOffsets(file, group),
    }
  }
}

function specOf({ name, partitions, replication, retentionMs, maxRecordBytes }: TopicSpec): TopicSpec {
  return { name, partitions, replication, retentionMs, maxRecordBytes }
}

/** One page of a list ordered by name. */
function page<T>(
  request: PageRequest,
  read: (after: string, limit: number) => T[],
  nameOf: (item: T) => string,
): Page<T> {
  const limit = Math.min(Math.max(1, request.limit ?? defaultPageItems), maxPageItems)
  const found = read(request.after ?? '', limit + 1)
  const items = found.slice(0, limit)
  return { items, next: found.length > limit ? nameOf(items.at(-1)!) : null }
}
