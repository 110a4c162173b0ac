import type { SourceNode } from './nodes.ts'
import type { RecordType } from './types.ts'

/** Where records come from, as data; the target decides which adapter runs it. */
export interface Source<T> {
  readonly node: SourceNode
  readonly schema: RecordType<T>
}
