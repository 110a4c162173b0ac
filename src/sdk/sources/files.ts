import { MillraceError } from '../errors.ts'
import { parseSize, type Size } from '../quantities.ts'
import type { Source } from '../source.ts'
import type { RecordType } from '../types.ts'

export interface FilesOptions<T> {
  /**
   * A file of newline-delimited JSON, several of them in the order to read, or a directory: its `*.ndjson` files by
   * name. Relative to the project's directory.
   */
  readonly path: string | readonly string[]
  readonly schema: RecordType<T>
  /** Longest line; a longer one becomes a dead letter. Default 8 MiB. */
  readonly maxLine?: Size
}

/** What the plan keeps of a `files` source and the adapter is given. */
export type FilesSettings = {
  readonly paths: readonly string[]
  readonly maxLineBytes: number
}

/** Leaves room for the offset in a cursor of 2 KiB. */
const maxPathBytes = 1024

/**
 * Records from files of newline-delimited JSON, one object a line.
 *
 *     files({ path: 'data/orders.ndjson', schema: order })
 *
 * @throws MillraceError `CONFIG_INVALID`, `DURATION_INVALID`.
 */
export function files<T>(options: FilesOptions<T>): Source<T> {
  const paths = typeof options.path === 'string' ? [options.path] : [...options.path]
  if (paths.length === 0 || new Set(paths).size < paths.length) {
    throw invalid(paths.join(', '), 'Give at least one path, and each only once.')
  }
  for (const path of paths) {
    if (path === '' || new TextEncoder().encode(path).length > maxPathBytes) {
      throw invalid(path, `Give a path of at most ${maxPathBytes} bytes.`)
    }
  }
  const settings: FilesSettings = { paths, maxLineBytes: parseSize(options.maxLine ?? '8 MiB') }
  return { node: { kind: 'files', name: 'files', schema: options.schema.node, settings }, schema: options.schema }
}

function invalid(found: string, fix: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', `${JSON.stringify(found)} is not usable here.`, {
    place: 'files({ path })',
    fix,
  })
}
