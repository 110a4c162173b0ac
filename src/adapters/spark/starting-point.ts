import { createHash } from 'node:crypto'
import { type StreamPlan, stageId, type TablePlan, type TopicPlan } from '../../plan/plan.ts'
import type { Commit, LogAdmin, PartitionRange } from '../../ports/log.ts'
import type { Checkpoint, TableAdmin } from '../../ports/table.ts'
import { MillraceError } from '../../sdk/errors.ts'

/** Where a query begins. */
export interface StartingPoint {
  /** Names its checkpoint among those of the stage. */
  readonly checkpoint: string
  /** `startingOffsets` of Spark's Kafka source, which a checkpoint that was used before overrules. */
  readonly offsets: string
}

export interface Standing {
  readonly topic: string
  readonly ranges: readonly PartitionRange[]
  /** Of the stage's group. */
  readonly commits: readonly Commit[]
  /** Of the stage, in its table, written by Node. */
  readonly checkpoints: readonly Checkpoint[]
}

/** Spark's word for the first record there is. */
const earliest = -2

/**
 * The group's commits decide, as they do for Node: each commit of a query says which of Spark's checkpoints it belongs to. Where
 * all say the same, that one goes on. Where they do not, a Node stage or a person has moved the group since, and a new checkpoint
 * begins at the commits; its name follows from them, so that two who start it at once get the same, and Spark stops one of them.
 *
 * @throws MillraceError `OFFSET_OUT_OF_RANGE` for commits of another log.
 */
export function startingPoint({ topic, ranges, commits, checkpoints }: Standing): StartingPoint {
  const next = new Map(
    [...checkpoints.filter(each => each.topic === topic), ...commits].map(each => [each.partition, each.next]),
  )
  for (const { partition, end } of ranges) {
    const from = next.get(partition) ?? 0
    if (from <= end) continue
    throw new MillraceError(
      'OFFSET_OUT_OF_RANGE',
      `The stage is at ${from}, but the log ends at ${end}: it is not the log this table was filled from.`,
      { place: `${topic}[${partition}]`, fix: 'Bring back the log, or fill a new table from this one.' },
    )
  }
  const offsets = JSON.stringify({
    [topic]: Object.fromEntries(ranges.map(({ partition }) => [partition, next.get(partition) ?? earliest])),
  })
  const names = new Set(commits.map(({ metadata }) => checkpointIn(metadata)))
  const [name = null] = names.size === 1 ? names : []
  return { checkpoint: name ?? newName(topic, next), offsets }
}

export async function readStanding(
  { stage, topic, table }: { readonly stage: StreamPlan; readonly topic: TopicPlan; readonly table: TablePlan },
  log: Pick<LogAdmin, 'ranges' | 'committed'>,
  tables: Pick<TableAdmin, 'checkpoints'>,
): Promise<Standing> {
  const [ranges, commits, checkpoints] = await Promise.all([
    log.ranges(topic.name),
    log.committed(stage.group, topic.name),
    tables.checkpoints(table, stageId(stage)),
  ])
  return { topic: topic.name, ranges, commits, checkpoints }
}

function newName(topic: string, next: ReadonlyMap<number, number>): string {
  if (next.size === 0) return `${topic}-from-start`
  const sorted = [...next].sort(([a], [b]) => a - b)
  return `${topic}-from-${createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 16)}`
}

/** Null for a commit of Node or of a tool. */
function checkpointIn(metadata: string): string | null {
  try {
    const { checkpoint } = JSON.parse(metadata) as { readonly checkpoint?: unknown }
    // It becomes part of a path.
    return typeof checkpoint === 'string' && /^[A-Za-z0-9._-]{1,300}$/.test(checkpoint) ? checkpoint : null
  } catch {
    return null
  }
}
