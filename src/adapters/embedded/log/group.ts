import { MillraceError } from '../../../sdk/errors.ts'
import { assign } from './assignment.ts'
import { type ProcessIdentity, processGone } from './liveness.ts'
import type { LogFile } from './log-file.ts'
import type { Topic } from './topics.ts'

/**
 * Consumer groups, as rows that every member of every process works on; there is no coordinator but the file. Each
 * function runs inside the caller's transaction.
 *
 * A partition's assignment: free → owned (given: a new epoch) → revoking (another member is to have it) → free
 * (released, or the deadline passed, or the owner is dead) → owned …
 *
 * Times are wall-clock milliseconds, so that a member can judge rows it has not watched. If the clock steps back, what
 * lies in the future is moved to now; if it steps forward, members may lose partitions early, which epochs make safe.
 */

/** A member as it joins. */
export interface Candidate {
  readonly group: string
  readonly topic: Topic
  readonly member: string
  /** Held by its thread, see `holdToken`. */
  readonly token: string
  readonly process: ProcessIdentity
  readonly sessionTimeoutMs: number
  readonly drainTimeoutMs: number
}

interface MemberRow {
  id: number
  host: string
  pid: number
  started: string
  token: string
  session_timeout_ms: number
  drain_timeout_ms: number
  beat_at: number
}

export interface Assignment {
  readonly partition: number
  readonly epoch: number
  readonly revokeAt: number | null
}

interface AssignmentRow {
  partition: number
  member_id: number
  epoch: number
  revoke_at: number | null
}

/** Returns the new member's id; ids are never used again. */
export function addMember(file: LogFile, candidate: Candidate, now: number): number {
  const { group, topic, member, token, process, sessionTimeoutMs, drainTimeoutMs } = candidate
  file.run('INSERT OR IGNORE INTO groups (name) VALUES (?)', group)
  const row = file.get<{ id: number }>(
    `INSERT INTO members
       (group_name, topic_id, member, host, pid, started, token, session_timeout_ms, drain_timeout_ms, beat_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
    group,
    topic.id,
    member,
    process.host,
    process.pid,
    process.started,
    token,
    sessionTimeoutMs,
    drainTimeoutMs,
    now,
  )
  return row!.id
}

export function removeMember(file: LogFile, id: number): void {
  file.run('DELETE FROM members WHERE id = ?', id)
}

export function removeTokens(file: LogFile, tokens: readonly string[]): void {
  for (const token of tokens) file.run('DELETE FROM members WHERE token = ?', token)
}

/** False if the member has been taken for dead. */
export function beat(file: LogFile, id: number, now: number): boolean {
  return file.run('UPDATE members SET beat_at = ? WHERE id = ?', now, id) === 1
}

/** Tokens of the group's members in this process, for a check which of their threads have ended. */
export function tokensOf(file: LogFile, group: string, self: ProcessIdentity): string[] {
  const rows = file.all<{ token: string }>(
    'SELECT token FROM members WHERE group_name = ? AND host = ? AND pid = ? AND started = ?',
    group,
    self.host,
    self.pid,
    self.started,
  )
  return rows.map(row => row.token)
}

export function hasLiveMembers(file: LogFile, group: string, self: ProcessIdentity, now: number): boolean {
  return file.all<MemberRow>('SELECT * FROM members WHERE group_name = ?', group).some(row => isLive(row, self, now))
}

/** Names and partitions of the members alive now, over all topics of the group. */
export function describeMembers(
  file: LogFile,
  group: string,
  self: ProcessIdentity,
  now: number,
): { member: string; partitions: number[] }[] {
  return file
    .all<MemberRow & { member: string }>('SELECT * FROM members WHERE group_name = ? ORDER BY id', group)
    .filter(row => isLive(row, self, now))
    .map(({ id, member }) => ({
      member,
      partitions: file
        .all<AssignmentRow>('SELECT * FROM assignments WHERE group_name = ? AND member_id = ?', group, id)
        .map(row => row.partition)
        .sort((a, b) => a - b),
    }))
}

function isLive(row: MemberRow, self: ProcessIdentity, now: number): boolean {
  return now - row.beat_at <= row.session_timeout_ms && !processGone(row, self)
}

/**
 * Takes the dead out of the group and gives every partition its owner, as far as that is possible now.
 * @returns when the next partition asked back is due, in wall-clock milliseconds; null if none is
 */
export function rebalance(
  file: LogFile,
  group: string,
  topicId: number,
  self: ProcessIdentity,
  now: number,
): number | null {
  const members = liveMembers(file, group, topicId, self, now)
  const taken = new Map<number, AssignmentRow>()
  const kept = new Map<number, number>()
  for (const row of assignmentRows(file, group, topicId)) {
    const owner = members.get(row.member_id)
    const free = owner === undefined || (row.revoke_at !== null && row.revoke_at <= now)
    if (free) continue
    taken.set(row.partition, row)
    if (row.revoke_at === null) {
      kept.set(row.partition, row.member_id)
    } else if (row.revoke_at > now + owner.drain_timeout_ms) {
      row.revoke_at = now + owner.drain_timeout_ms
      askBack(file, group, topicId, row.partition, row.revoke_at)
    }
  }

  const { partitions } = file.get<{ partitions: number }>('SELECT partitions FROM topics WHERE id = ?', topicId)!
  const wanted = assign(partitions, [...members.keys()], kept)
  let changed = false
  if (members.size === 0) {
    changed = file.run('DELETE FROM assignments WHERE group_name = ? AND topic_id = ?', group, topicId) > 0
  }
  for (const [partition, memberId] of wanted) {
    const row = taken.get(partition)
    if (row === undefined) {
      give(file, group, topicId, partition, memberId)
      changed = true
    } else if (row.member_id !== memberId && row.revoke_at === null) {
      row.revoke_at = now + members.get(row.member_id)!.drain_timeout_ms
      askBack(file, group, topicId, partition, row.revoke_at)
      changed = true
    }
  }
  if (changed) markChanged(file, group)
  const due = [...taken.values()].flatMap(row => row.revoke_at ?? [])
  return due.length === 0 ? null : Math.min(...due)
}

/** By id, oldest first. */
function liveMembers(
  file: LogFile,
  group: string,
  topicId: number,
  self: ProcessIdentity,
  now: number,
): Map<number, MemberRow> {
  const live = new Map<number, MemberRow>()
  const rows = file.all<MemberRow>(
    'SELECT * FROM members WHERE group_name = ? AND topic_id = ? ORDER BY id',
    group,
    topicId,
  )
  for (const row of rows) {
    if (!isLive(row, self, now)) {
      removeMember(file, row.id)
      continue
    }
    if (row.beat_at > now) beat(file, row.id, now)
    live.set(row.id, row)
  }
  return live
}

function assignmentRows(file: LogFile, group: string, topicId: number): AssignmentRow[] {
  return file.all<AssignmentRow>(
    'SELECT partition, member_id, epoch, revoke_at FROM assignments WHERE group_name = ? AND topic_id = ?',
    group,
    topicId,
  )
}

function give(file: LogFile, group: string, topicId: number, partition: number, memberId: number): void {
  const { epoch } = file.get<{ epoch: number }>(
    'UPDATE groups SET epoch = epoch + 1 WHERE name = ? RETURNING epoch',
    group,
  )!
  file.run(
    'INSERT OR REPLACE INTO assignments VALUES (?, ?, ?, ?, ?, NULL)',
    group,
    topicId,
    partition,
    memberId,
    epoch,
  )
}

function askBack(file: LogFile, group: string, topicId: number, partition: number, revokeAt: number): void {
  file.run(
    'UPDATE assignments SET revoke_at = ? WHERE group_name = ? AND topic_id = ? AND partition = ?',
    revokeAt,
    group,
    topicId,
    partition,
  )
}

function markChanged(file: LogFile, group: string): void {
  file.run('UPDATE groups SET generation = generation + 1 WHERE name = ?', group)
}

/** Differs from an earlier one if assignments of the group have changed in between. */
export function generationOf(file: LogFile, group: string): number {
  return file.get<{ generation: number }>('SELECT generation FROM groups WHERE name = ?', group)!.generation
}

/** What a member owns, by partition. */
export function assignmentsOf(file: LogFile, group: string, topicId: number, memberId: number): Assignment[] {
  return assignmentRows(file, group, topicId)
    .filter(row => row.member_id === memberId)
    .map(row => ({ partition: row.partition, epoch: row.epoch, revokeAt: row.revoke_at }))
}

/** Frees a partition, unless it is someone else's already. */
export function giveUp(file: LogFile, group: string, topicId: number, partition: number, epoch: number): void {
  file.run(
    'DELETE FROM assignments WHERE group_name = ? AND topic_id = ? AND partition = ? AND epoch = ?',
    group,
    topicId,
    partition,
    epoch,
  )
  markChanged(file, group)
}

/** @throws MillraceError `PARTITION_LOST` unless the epoch is the partition's current one. */
export function requireEpoch(file: LogFile, group: string, topic: Topic, partition: number, epoch: number): void {
  const current = file.get<{ epoch: number }>(
    'SELECT epoch FROM assignments WHERE group_name = ? AND topic_id = ? AND partition = ?',
    group,
    topic.id,
    partition,
  )
  if (current?.epoch !== epoch) throw partitionLost(group, topic.name, partition)
}

export function partitionLost(group: string, topic: string, partition: number): MillraceError {
  return new MillraceError('PARTITION_LOST', `${topic}[${partition}] belongs to another member of ${group} now.`, {
    place: `${group}, ${topic}[${partition}]`,
    fix: 'Forget what is in flight for this partition; its new owner goes on from the last commit.',
  })
}
