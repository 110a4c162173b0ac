import { randomUUID } from 'node:crypto'
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { makeUser } from './user.ts'

/** Users as the randomuser API gives them, in pages, in one file: what every contestant of a benchmark reads. */
export interface PagesFile {
  readonly path: string
  readonly users: number
  /** Where each page starts, and after the last one the end. */
  readonly offsets: readonly number[]
}

export type IdOrder = 'random' | 'time'

/** @param ids `random`: UUIDs of version 4; `time`: of version 7, so that each is larger than the one before */
export function writePages(path: string, users: number, pageSize: number, ids: IdOrder): PagesFile {
  const file = openSync(path, 'w')
  const offsets = [0]
  for (let written = 0; written < users; written += pageSize) {
    const count = Math.min(pageSize, users - written)
    const results = Array.from({ length: count }, (_, index) => {
      const number = written + index
      return makeUser(number, ids === 'random' ? randomUUID() : timeOrdered(number))
    })
    const bytes = Buffer.from(
      JSON.stringify({ results, info: { results: count, page: offsets.length, version: '1.4' } }),
    )
    writeSync(file, bytes)
    offsets.push(offsets.at(-1)! + bytes.length)
  }
  closeSync(file)
  return { path, users, offsets }
}

/** Reads page after page, each in a buffer of its own. */
export function* readPages({ path, offsets }: PagesFile): Generator<Buffer> {
  const file = openSync(path, 'r')
  try {
    for (let page = 0; page + 1 < offsets.length; page++) {
      const start = offsets[page]!
      const bytes = Buffer.allocUnsafe(offsets[page + 1]! - start)
      readSync(file, bytes, 0, bytes.length, start)
      yield bytes
    }
  } finally {
    closeSync(file)
  }
}

function timeOrdered(number: number): string {
  const tail = randomUUID().slice(14)
  const head = (1_700_000_000_000 + number).toString(16).padStart(12, '0')
  return `${head.slice(0, 8)}-${head.slice(8)}-7${tail.slice(1)}`
}
