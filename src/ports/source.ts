import type { MillraceError } from '../sdk/errors.ts'

/**
 * Where records come from. A declaration is data (`SourceNode`); an adapter runs it.
 *
 * A source is read page by page and the next page is fetched only when it is asked for, so a slow reader slows
 * the source. A page's cursor says where the one after it starts; reading again from a cursor of the same run
 * gives what followed it.
 */
export interface Source {
  /** Whether the same run always yields the same records. Where it does not, a retry may bring others. */
  readonly repeatable: boolean
  /**
   * Reads from `from`, or from the start. Ends when the source has no more for this run; many never end.
   *
   * Retries what may succeed on retry within the source's own limits; what it throws is final for this attempt:
   * `SOURCE_*` with `retry: 'later'` or `'never'`. Aborts at once with the signal's reason.
   * @throws MillraceError `CURSOR_INVALID` for a cursor this source did not make.
   */
  pages(run: SourceRun, from: Cursor | null, signal: AbortSignal): AsyncIterable<SourcePage>
  /** Resolves when the source answers; throws the same errors as `pages`, after one try. */
  probe(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** Opaque to everyone but the source that made it; at most 2 KiB of text. */
export type Cursor = string

/** What identifies a run to its source, so that a repeated run reads the same. */
export interface SourceRun {
  /** Derived from DAG and logical date; equal for every attempt of a run and for a backfill of the same date. */
  readonly seed: string
  /** ISO 8601. */
  readonly logicalDate: string
  readonly interval: { readonly start: string; readonly end: string }
}

export interface SourcePage {
  readonly records: readonly SourceRecord[]
  readonly cursor: Cursor
  /** Bytes received for this page. */
  readonly bytes: number
}

/**
 * A record as it arrived, not checked against the schema yet; or the bytes of one that is not even readable,
 * which becomes a dead letter.
 */
export type SourceRecord =
  | { readonly value: unknown; readonly bytes?: Uint8Array }
  | { readonly value?: undefined; readonly bytes: Uint8Array; readonly error: MillraceError }
