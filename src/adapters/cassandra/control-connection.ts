import type { Client } from 'cassandra-driver'
import type { Clock } from '../../ports/clock.ts'

/** Before another attempt where one failed in a way that the driver does not expect, in milliseconds. */
const pauseMs = 500

/** What the driver watches the cluster through. Its own affair, so only what is mended here is named. */
interface ControlConnection {
  readonly _isShuttingDown: boolean
  /** @param hosts the nodes that are left to try; given only where it calls itself */
  _refresh(hosts?: object): Promise<void>
}

/**
 * Has one attempt at a time to open the control connection. Without it cassandra-driver 4.10.0 begins one for each connection that
 * breaks, also while another is under way; they take the connection away from each other, and one of them reads a property of
 * null in a timer, where nobody catches it: the process ends.
 */
export function guardControlConnection(client: Client, clock: Clock): void {
  const { controlConnection: control } = client as unknown as { readonly controlConnection: ControlConnection }
  const refresh = control._refresh.bind(control)
  let running: Promise<void> | null = null
  const attempt = async (): Promise<void> => {
    while (!control._isShuttingDown) {
      try {
        return await refresh()
      } catch {
        await clock.sleep(pauseMs)
      }
    }
  }
  control._refresh = hosts => {
    if (hosts !== undefined) return refresh(hosts)
    running ??= attempt().finally(() => {
      running = null
    })
    return running
  }
}
