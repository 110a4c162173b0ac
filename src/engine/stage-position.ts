import { type StreamPlan, stageId, type TablePlan } from '../plan/plan.ts'
import type { Committed, Log } from '../ports/log.ts'
import type { Checkpoint, TableStore } from '../ports/table.ts'
import { type PersistOptions, persist } from './backoff.ts'
import { defaultStreamLimits } from './limits.ts'

/** How often the topic's end is compared with what is processed, in milliseconds. */
const lagIntervalMs = 250

/** Where a stage goes on with a partition, and the version of the last record before that. */
export type Position = Pick<Checkpoint, 'next' | 'version'>

/**
 * Which of the two a stage goes on from: a checkpoint that is written with the rows, else what the log was told after them. The
 * other stands in where there is none. Null if both are.
 */
export function positionFrom(
  { atomicCheckpoint }: Pick<TableStore, 'atomicCheckpoint'>,
  checkpoint: Position | null,
  committed: Committed | null,
): Position | null {
  const commit = committed === null ? null : { next: committed.next, version: versionIn(committed.metadata) }
  return atomicCheckpoint ? (checkpoint ?? commit) : (commit ?? checkpoint)
}

interface Ports {
  readonly log: Log
  readonly tables: TableStore
}

/** Where a stage stands, by partition; without those that it has not begun. For any process, whether the stage runs or not. */
export async function readPositions(
  stage: StreamPlan,
  table: Pick<TablePlan, 'keyspace' | 'name'>,
  { log, tables }: Ports,
): Promise<ReadonlyMap<number, Position>> {
  const ofStage = await tables.admin.checkpoints(table, stageId(stage))
  const checkpoints = new Map(ofStage.filter(({ topic }) => topic === stage.from).map(each => [each.partition, each]))
  const commits = new Map((await log.admin.committed(stage.group, stage.from)).map(each => [each.partition, each]))
  const positions = new Map<number, Position>()
  for (const partition of new Set([...checkpoints.keys(), ...commits.keys()])) {
    positions.set(partition, positionFrom(tables, checkpoints.get(partition) ?? null, commits.get(partition) ?? null)!)
  }
  return positions
}

/** Whether the topic has a record that the stage has not processed. */
export async function isBehind(
  stage: StreamPlan,
  table: Pick<TablePlan, 'keyspace' | 'name'>,
  ports: Ports,
): Promise<boolean> {
  const { admin } = ports.log
  const positions = await readPositions(stage, table, ports)
  for (const { partition, start, end } of await admin.ranges(stage.from)) {
    const next = Math.max(start, positions.get(partition)?.next ?? 0)
    if (next >= end) continue
    // Offsets have gaps, and the end of a partition may be one: what counts is whether there is a record.
    const [record] = await admin.read(stage.from, partition, next, { maxRecords: 1, maxBytes: 1, waitMs: 0 })
    if (record !== undefined) return true
  }
  return false
}

/**
 * Resolves when everything that is in the topic is processed, by whatever member of the group. A log or table that does not
 * answer is waited for.
 */
export async function untilCaughtUp(
  stage: StreamPlan,
  table: Pick<TablePlan, 'keyspace' | 'name'>,
  ports: Ports,
  waiting: Pick<PersistOptions, 'clock' | 'random' | 'signal'>,
): Promise<void> {
  // The stage itself says what it waits for.
  const options = { ...waiting, backoff: defaultStreamLimits.backoff, onFailure: () => {} }
  while (await persist(() => isBehind(stage, table, ports), options)) {
    await waiting.clock.sleep(lagIntervalMs, waiting.signal)
  }
}

/** 0 for a commit of another tool, such as one that moves a group back. */
function versionIn(metadata: string): number {
  try {
    const { version } = JSON.parse(metadata) as { readonly version?: unknown }
    return Number.isSafeInteger(version) ? (version as number) : 0
  } catch {
    return 0
  }
}
