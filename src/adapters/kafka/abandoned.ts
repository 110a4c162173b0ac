import type { Cluster } from './cluster.ts'
import { memberNames } from './groups.ts'
import { TransactionRequests } from './transaction.ts'

/**
 * Ends the open transactions of producers whose member of the group is gone: nobody else would before they are over their
 * time. The id of such a producer is the prefix and the name of its member.
 */
export async function endAbandoned(cluster: Cluster, group: string, prefix: string): Promise<void> {
  const { client, connections } = cluster
  const open: string[] = []
  for (const broker of await cluster.brokers()) {
    const answer = await connections.send(broker, client.listTransactionsV0.api, ['Ongoing'], [], 0n, null)
    open.push(...answer.transactionStates.map(each => each.transactionalId).filter(id => id.startsWith(prefix)))
  }
  if (open.length === 0) return
  // Asked for after the transactions: who has begun one by then and lives is among them.
  const living = await memberNames(cluster, group)
  if (living === null) return
  for (const id of open) {
    if (!living.has(id.slice(prefix.length))) await new TransactionRequests(cluster, connections, id).takeOver()
  }
}
