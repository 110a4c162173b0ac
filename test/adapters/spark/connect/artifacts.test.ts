import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { artifactRequests } from '../../../../src/adapters/spark/connect/artifacts.ts'

const limit = 32 * 1024
const identity = { session_id: 's' }
const bytes = (length: number, fill: number) => new Uint8Array(length).fill(fill)

interface Chunk {
  readonly data: Uint8Array
  readonly crc: string
}

describe('artifacts', () => {
  it('travel together while they fit into 32 KiB', () => {
    const names = ['files/a', 'files/b', 'files/c']
    const requests = [
      ...artifactRequests(
        identity,
        names.map((name, i) => ({ name, data: bytes(limit / 2, i) })),
      ),
    ]
    const batches = requests as { session_id: string; batch: { artifacts: { name: string; data: Chunk }[] } }[]
    expect(batches.map(({ batch }) => batch.artifacts.map(({ name }) => name))).toEqual([
      names.slice(0, 2),
      ['files/c'],
    ])
    expect(batches.every(({ session_id }) => session_id === 's')).toBe(true)
    for (const { data } of batches.flatMap(({ batch }) => batch.artifacts))
      expect(data.crc).toBe(String(crc32(data.data)))
  })

  it.each([limit + 1, 2 * limit, 2 * limit + 1])('of %i bytes travel in chunks that add up to them', length => {
    const data = Uint8Array.from({ length }, (_, i) => i % 251)
    const [begin, ...chunks] = [...artifactRequests(identity, [{ name: 'jars/big.jar', data }])] as [
      { begin_chunk: { name: string; total_bytes: string; num_chunks: string; initial_chunk: Chunk } },
      ...{ chunk: Chunk }[],
    ]
    const all = [begin.begin_chunk.initial_chunk, ...chunks.map(({ chunk }) => chunk)]
    expect(begin.begin_chunk).toMatchObject({ name: 'jars/big.jar', total_bytes: String(length) })
    expect(begin.begin_chunk.num_chunks).toBe(String(all.length))
    expect(Buffer.concat(all.map(chunk => chunk.data)).equals(data)).toBe(true)
    for (const chunk of all) {
      expect(chunk.data.length).toBeLessThanOrEqual(limit)
      expect(chunk.crc).toBe(String(crc32(chunk.data)))
    }
  })

  it('keep their order where small and large ones are mixed', () => {
    const sizes = [10, limit + 1, 10]
    const requests = [
      ...artifactRequests(
        {},
        sizes.map((size, i) => ({ name: `files/${i}`, data: bytes(size, i) })),
      ),
    ]
    expect(requests.map(request => Object.keys(request)[0])).toEqual(['batch', 'begin_chunk', 'chunk', 'batch'])
  })
})
