import type { StoredSchema } from '../../ports/schema-registry.ts'

/** Characters of schemas kept: some 10,000 usual ones, or 16 of the largest. */
const maxLength = 16 * 1024 * 1024

/** Schemas by id, those used last. What an id stands for never changes, so nothing here can be out of date. */
export class SchemaCache {
  readonly #maxLength: number
  readonly #entries = new Map<number, { readonly stored: StoredSchema; readonly length: number }>()
  #length = 0

  constructor(most: number = maxLength) {
    this.#maxLength = most
  }

  get(id: number): StoredSchema | undefined {
    const entry = this.#entries.get(id)
    if (entry === undefined) return undefined
    this.#entries.delete(id)
    this.#entries.set(id, entry)
    return entry.stored
  }

  /** @param length of the schema's text, in characters */
  set(stored: StoredSchema, length: number): void {
    if (this.#entries.has(stored.id)) return
    this.#entries.set(stored.id, { stored, length })
    this.#length += length
    for (const [id, entry] of this.#entries) {
      if (this.#length <= this.#maxLength) return
      this.#entries.delete(id)
      this.#length -= entry.length
    }
  }
}
