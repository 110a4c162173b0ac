/**
 * Which member of a group has which partition. Every partition has an owner, the members' shares differ by at most
 * one, and as few partitions as possible leave the member that holds them. The same input gives the same result.
 *
 * @param held partition → member, for those that are held now by one of `members`
 * @returns partition → member; empty without members
 */
export function assign(
  partitions: number,
  members: readonly number[],
  held: ReadonlyMap<number, number>,
): Map<number, number> {
  const owners = new Map<number, number>()
  if (members.length === 0) return owners
  const holdings = new Map<number, number[]>(members.map(member => [member, []]))
  for (let partition = 0; partition < partitions; partition++) {
    const holder = held.get(partition)
    if (holder !== undefined) holdings.get(holder)?.push(partition)
  }

  const share = Math.floor(partitions / members.length)
  const larger = partitions % members.length
  // The larger shares go to those who hold most, so that they have the least to give up.
  const byHolding = [...members].sort((a, b) => holdings.get(b)!.length - holdings.get(a)!.length || a - b)
  const quota = new Map(byHolding.map((member, index) => [member, share + (index < larger ? 1 : 0)]))

  for (const member of members) {
    const kept = holdings.get(member)!.slice(0, quota.get(member))
    for (const partition of kept) owners.set(partition, member)
    quota.set(member, quota.get(member)! - kept.length)
  }
  let next = 0
  for (let partition = 0; partition < partitions; partition++) {
    if (owners.has(partition)) continue
    while (quota.get(byHolding[next]!) === 0) next++
    const member = byHolding[next]!
    owners.set(partition, member)
    quota.set(member, quota.get(member)! - 1)
  }
  return owners
}
