import { Admin, ConnectionPool, consumerGroupDescribeV0, heartbeatV4 } from '@platformatic/kafka'

/** More rebalances than any test makes. */
const highest = 1_000

/**
 * How many rebalances a stable group has had, as its coordinator counts. One of the newer protocol has an epoch; of a classic one it is the
 * only generation in which it takes a heartbeat of a member that it has.
 * @param brokers `host:port` of the only broker
 */
export async function generationOf(brokers: string, group: string): Promise<number> {
  const [host, port] = brokers.split(':')
  const admin = new Admin({ clientId: 'generation', bootstrapBrokers: [brokers] })
  const pool = new ConnectionPool('generation', { requestTimeout: 30_000 })
  try {
    const connection = await pool.get({ host: host!, port: Number(port) })
    const described = await consumerGroupDescribeV0.api.async(connection, [group], false).catch(() => null)
    const [ofConsumers] = described?.groups ?? []
    if (ofConsumers !== undefined && ofConsumers.members.length > 0) return ofConsumers.groupEpoch
    const found = (await admin.describeGroups({ groups: [group] })).get(group)
    const [member] = [...(found?.members.keys() ?? [])]
    if (member === undefined) throw new Error(`The group ${group} has no members.`)
    for (let generation = 0; generation <= highest; generation++) {
      const taken = await heartbeatV4.api.async(connection, group, generation, member, null).then(
        () => true,
        () => false,
      )
      if (taken) return generation
    }
    throw new Error(`The group ${group} is in no generation up to ${highest}.`)
  } finally {
    await Promise.allSettled([admin.close(), pool.close()])
  }
}
