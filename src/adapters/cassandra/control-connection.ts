import type { Client } from 'cassandra-driver'
import type { Clock } from '../../ports/clock.ts'

/** Before the driver looks again for a node to watch the cluster through, in milliseconds. */
const pauseMs = 500

/** What the driver watches the cluster through. Its own affair, so only what is mended here is named. */
interface ControlConnection {
  /** Null while there is none. */
  readonly connection: object | null
  _refresh(hosts?: object): Promise<void>
  _isShuttingDown: boolean
}

/**
 * Keeps the process alive where cassandra-driver 4.10.0 would end it. When its control connection breaks while it is being opened,
 * a second attempt takes the connection away under the first, which then reads a property of null, in a timer, where nobody
 * catches it. Here the first attempt gives way, and another one is made unless the second has got a connection by then.
 */
export function guardControlConnection(client: Client, clock: Clock): void {
  const { controlConnection: control } = client as unknown as { readonly controlConnection: ControlConnection }
  const refresh = control._refresh.bind(control)
  control._refresh = async hosts => {
    try {
      await refresh(hosts)
    } catch {
      await clock.sleep(pauseMs)
      if (control.connection === null && !control._isShuttingDown) await control._refresh()
    }
  }
}
