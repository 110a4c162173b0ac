import { nextEpoch } from './epochs.ts'
import type { MemberSubscription } from './group-protocol.ts'

/** Who gets what in a rebalance. */
export interface GroupAssignment {
  /** By member id. */
  readonly partitions: ReadonlyMap<string, readonly number[]>
  /** Of every partition that goes to a member which did not have it. */
  readonly epoch: number
}

/**
 * Shares a topic's partitions out, as the leader of the group. The members' shares differ by at most one, and as few
 * partitions as possible leave the member that has them. One that is to move is given to nobody yet: its owner, who
 * learns from its absence that it is asked back, drains it and joins again, and then it is free (KIP-429). So a
 * partition never has two owners, and those that stay are not interrupted.
 *
 * @param now milliseconds since 1970 UTC
 */
export function assignGroup(
  partitions: number,
  members: ReadonlyMap<string, MemberSubscription>,
  now: number,
): GroupAssignment {
  const ids = [...members.keys()].sort()
  const owners = ownersOf(partitions, members)
  const targets = share(partitions, ids, owners)
  const given = new Map<string, number[]>(ids.map(id => [id, []]))
  for (const [partition, target] of targets) {
    const owner = owners.get(partition)
    if (owner === undefined || owner === target) given.get(target)!.push(partition)
  }
  const highest = Math.max(0, ...[...members.values()].map(member => member.highestEpoch))
  return { partitions: given, epoch: nextEpoch(highest, now) }
}

/** If two members claim a partition, the older claim is of one that has not heard of its loss yet. */
function ownersOf(partitions: number, members: ReadonlyMap<string, MemberSubscription>): Map<number, string> {
  const owners = new Map<number, string>()
  const epochs = new Map<number, number>()
  for (const [id, { owned }] of members) {
    for (const [partition, epoch] of owned) {
      if (partition >= partitions || epoch <= (epochs.get(partition) ?? -1)) continue
      owners.set(partition, id)
      epochs.set(partition, epoch)
    }
  }
  return owners
}

/** Partition → member, whoever has it now. */
function share(partitions: number, ids: readonly string[], owners: ReadonlyMap<number, string>): Map<number, string> {
  const targets = new Map<number, string>()
  const holdings = new Map<string, number[]>(ids.map(id => [id, []]))
  for (let partition = 0; partition < partitions; partition++) {
    const owner = owners.get(partition)
    if (owner !== undefined) holdings.get(owner)!.push(partition)
  }
  const least = Math.floor(partitions / ids.length)
  const larger = partitions % ids.length
  // The larger shares go to those who hold most, so that they have the least to give up.
  const byHolding = [...ids].sort((a, b) => holdings.get(b)!.length - holdings.get(a)!.length)
  const free = new Map(byHolding.map((id, index) => [id, least + (index < larger ? 1 : 0)]))
  const keep = (id: string, partition: number) => {
    targets.set(partition, id)
    free.set(id, free.get(id)! - 1)
  }
  for (const id of ids) for (const partition of holdings.get(id)!.slice(0, free.get(id))) keep(id, partition)
  for (let partition = 0; partition < partitions; partition++) {
    if (!targets.has(partition)) keep(byHolding.find(id => free.get(id)! > 0)!, partition)
  }
  return targets
}
