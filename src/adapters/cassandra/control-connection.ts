import type { Client } from 'cassandra-driver'
import type { Clock } from '../../ports/clock.ts'

/** Before another attempt where one failed in a way that the driver does not expect, in milliseconds. */
const pauseMs = 500

/** What the driver watches the cluster through. Its own affair, so only what is mended here is named. */
interface ControlConnection {
  readonly hosts: { values(): readonly Host[] }
  /** Null while there is none. */
  readonly connection: { closeAsync(): Promise<void> } | null
  readonly _isShuttingDown: boolean
  /** Finds the nodes anew through the contact points, whose addresses may have changed. */
  _initializeConnection(): Promise<void>
  _borrowFirstConnection(contactPoints: object): Promise<void>
  /** @param hosts the nodes that are left to try; given only where it calls itself */
  _refresh(hosts?: object): Promise<void>
}

interface Host {
  shutdown(waitForPending: boolean): Promise<void>
}

/** Mends two faults of cassandra-driver 4.10.0, which show when connections break. */
export function guardControlConnection(client: Client, clock: Clock): void {
  const { controlConnection: control } = client as unknown as { readonly controlConnection: ControlConnection }
  attemptOneAtATime(control, clock)
  closeWhatIsReplaced(control)
}

/**
 * Has one attempt at a time to open the control connection. Without it the driver begins one for each connection that breaks, also
 * while another is under way; they take the connection away from each other, and one of them reads a property of null in a
 * timer, where nobody catches it: the process ends.
 */
function attemptOneAtATime(control: ControlConnection, clock: Clock): void {
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

/**
 * After an outage the driver finds the nodes anew and forgets those it knew, with their connections: they stay open, connect again
 * whenever they break, and keep the process alive after the client is shut down.
 */
function closeWhatIsReplaced(control: ControlConnection): void {
  const initialize = control._initializeConnection.bind(control)
  control._initializeConnection = async () => {
    const before = control.hosts.values()
    try {
      await initialize()
    } finally {
      const now = new Set(control.hosts.values())
      for (const host of before) if (!now.has(host)) host.shutdown(false).catch(() => {})
    }
  }
  const borrow = control._borrowFirstConnection.bind(control)
  control._borrowFirstConnection = async contactPoints => {
    // What is there is of a contact point that could not be used.
    control.connection?.closeAsync().catch(() => {})
    await borrow(contactPoints)
  }
}
