/** Every list that can grow is read a page at a time. */
export interface PageRequest {
  /** The `next` of the page before; absent for the first. */
  readonly after?: string
  /** Items at most; default 100, at most 1000. */
  readonly limit?: number
}

export interface Page<T> {
  readonly items: readonly T[]
  /** Ask for the page after this one with it; null on the last page. */
  readonly next: string | null
}
