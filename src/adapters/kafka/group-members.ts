import type { Commit } from '../../ports/log.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { Membership } from './membership.ts'

/** The memberships of one log's subscriptions. A broker takes the commits of a partition's owner only from that member. */
export class GroupMembers {
  readonly #memberships = new Set<Membership>()

  add(membership: Membership): void {
    this.#memberships.add(membership)
  }

  delete(membership: Membership): void {
    this.#memberships.delete(membership)
  }

  /**
   * Whom to make a commit as; null for one without an epoch.
   * @throws MillraceError `PARTITION_LOST` if the epoch is not that of a member here.
   */
  ownerFor({ group, topic, partition, epoch }: Commit): Membership | null {
    if (epoch === undefined) return null
    for (const membership of this.#memberships) {
      const { options, owned } = membership
      if (options.group === group && options.topic === topic && owned.get(partition)?.epoch === epoch) return membership
    }
    throw partitionLost(group, topic, partition)
  }
}

export function partitionLost(group: string, topic: string, partition: number): MillraceError {
  const place = `${topic}[${partition}]`
  return new MillraceError('PARTITION_LOST', `${place} is no longer this member's in group ${group}.`, { place })
}
