import { MillraceError } from '../../sdk/errors.ts'
import { ClassicProtocol } from './classic-protocol.ts'
import type { Cluster } from './cluster.ts'
import { ConsumerProtocol } from './consumer-protocol.ts'
import { meaningOf } from './errors.ts'
import type { GroupProtocolName } from './group-offsets.ts'
import type { GroupProtocol, MembershipOptions } from './membership.ts'

/** In the newer protocol the session is the group's, not the member's. */
const sessionSetting = 'consumer.session.timeout.ms'

/**
 * The protocol for a member of a group. By default (`auto`) the newer one where the brokers have it and let the group have the session
 * that the member asks for, else the classic one: a killed worker's partitions never rest for longer than is asked for.
 * @throws MillraceError `CONFIG_INVALID` if the brokers do not have the one that is configured.
 */
export async function chooseProtocol(
  cluster: Cluster,
  group: string,
  sessionTimeoutMs: number,
): Promise<GroupProtocolName> {
  const { groups } = cluster.settings
  if (groups === 'classic') return 'classic'
  if (!(await cluster.hasConsumerGroups())) {
    if (groups === 'auto') return 'classic'
    throw new MillraceError('CONFIG_INVALID', 'The brokers do not have the newer group protocol (KIP-848).', {
      place: 'groups',
      fix: "Leave `groups` out, or use brokers from Kafka 4.0 on, with the feature 'group.version'.",
    })
  }
  const hasSession = await setSession(cluster, group, sessionTimeoutMs)
  return hasSession || groups === 'consumer' ? 'consumer' : 'classic'
}

export function speak(protocol: GroupProtocolName, cluster: Cluster, options: MembershipOptions): GroupProtocol {
  return protocol === 'consumer' ? new ConsumerProtocol(cluster, options) : new ClassicProtocol(cluster, options)
}

/** Whether the group has this session now: brokers have limits, and ask for the right to change a group's settings. */
async function setSession(cluster: Cluster, group: string, sessionTimeoutMs: number): Promise<boolean> {
  const { client, connections } = cluster
  const resource = { resourceType: client.ConfigResourceTypes.GROUP, resourceName: group }
  const value = String(Math.trunc(sessionTimeoutMs))
  try {
    const described = await connections.send(
      await cluster.controller(),
      client.describeConfigsV3.api,
      [{ ...resource, configurationKeys: [sessionSetting] }],
      false,
      false,
    )
    const found = described.results[0]?.configs.find(({ name }) => name === sessionSetting)
    if (found?.value === value) return true
    const configOperation = client.IncrementalAlterConfigOperationTypes.SET
    const configs = [{ name: sessionSetting, value, configOperation }]
    await connections.send(
      await cluster.controller(),
      client.incrementalAlterConfigsV1.api,
      [{ ...resource, configs }],
      false,
    )
    return true
  } catch (thrown) {
    const meaning = meaningOf(thrown)
    if (meaning?.code === 'LOG_REFUSED' || meaning?.code === 'CONFIG_INVALID') return false
    throw thrown
  }
}
