import type { MillraceError } from '../../sdk/errors.ts'
import type { Cluster } from './cluster.ts'
import { isTransient, toMillraceError } from './errors.ts'

/** Keeps why something in the background fails until somebody asks; what passes soon is not worth telling. */
export class FailureNote {
  readonly #cluster: Cluster
  readonly #doing: string
  readonly #place: string
  #since: number | null = null
  #error: MillraceError | null = null

  /** @param doing goes after «could not» */
  constructor(cluster: Cluster, doing: string, place: string) {
    this.#cluster = cluster
    this.#doing = doing
    this.#place = place
  }

  note(thrown: unknown): void {
    const now = this.#cluster.clock.elapsed()
    this.#since ??= now
    if (isTransient(thrown) && now - this.#since < this.#cluster.settings.retryMs) return
    this.#error = toMillraceError(thrown, this.#doing, this.#place)
  }

  clear(): void {
    this.#since = null
    this.#error = null
  }

  take(): MillraceError | null {
    const error = this.#error
    this.#error = null
    return error
  }
}
