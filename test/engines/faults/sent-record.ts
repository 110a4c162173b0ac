import { createHash } from 'node:crypto'

/** A user as the load sends it: every field of `pipelines/users.ts`, all text. */
export type SentUser = { readonly [column: string]: string }

/** Columns of a user in the order of the pipeline's type. */
export const userColumns = [
  ...(['id', 'first_name', 'last_name', 'gender', 'address', 'post_code', 'email', 'username', 'dob'] as const),
  ...(['registered_date', 'phone', 'picture'] as const),
] as const

/** How a bad record is bad. None of them asks a registry for anything. */
const faults = ['empty', 'unframed', 'short', 'truncated', 'overlong'] as const

/** The record with this number of a load: the same for everyone who knows the seed. */
export interface SentRecord {
  readonly sequence: number
  readonly id: string
  readonly kind: 'user' | 'delete' | 'bad'
  /** Null unless `kind` is `user`. */
  readonly user: SentUser | null
  /** Only of a bad record. */
  readonly fault: (typeof faults)[number] | null
}

/** How often what happens, in records. */
export interface LoadMix {
  /** One record in so many cannot be decoded; 0 for none. */
  readonly badEvery: number
  /** One in so many deletes a user that was sent before; 0 for none. */
  readonly deleteEvery: number
}

export const defaultMix: LoadMix = { badEvery: 97, deleteEvery: 41 }

/** How far back the earlier version of a user may be, in records: in the same batch, in the next, after a rebalance. */
const distances = [1, 10, 100, 1_000, 10_000]

/**
 * Three records of four are new users, the others newer versions of earlier ones, deletes and bad records. A user's fields
 * carry the number of its record, so versions can be told apart, and which of two is the newer one.
 */
export function sentRecord(seed: string, sequence: number, mix: LoadMix): SentRecord {
  const digest = createHash('sha1').update(`${seed} ${sequence}`).digest()
  const every = (records: number) => records > 0 && sequence % records === records - 1
  const older = olderSequence(sequence, digest)
  if (every(mix.badEvery)) {
    const fault = faults[digest[1]! % faults.length]!
    return { sequence, id: idOf(seed, older), kind: 'bad', user: null, fault }
  }
  if (every(mix.deleteEvery)) return { sequence, id: idOf(seed, older), kind: 'delete', user: null, fault: null }
  const id = idOf(seed, sequence % 4 === 3 ? older : sequence)
  return { sequence, id, kind: 'user', user: userOf(id, sequence, digest), fault: null }
}

/** The number of a record that came before and whose user it is about. */
function olderSequence(sequence: number, digest: Buffer): number {
  const distance = distances[digest[0]! % distances.length]!
  const older = Math.max(0, sequence - 1 - (digest.readUInt32LE(4) % distance))
  return older % 4 === 3 ? older - 1 : older
}

function idOf(seed: string, sequence: number): string {
  const hex = createHash('sha1').update(`user ${seed} ${sequence}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

function userOf(id: string, sequence: number, digest: Buffer): SentUser {
  const text = digest.toString('base64url')
  return {
    id,
    first_name: text.slice(0, 5),
    last_name: text.slice(5, 13),
    gender: digest[2]! % 2 === 0 ? 'female' : 'male',
    address: `${digest.readUInt16LE(2)} ${text.slice(3, 20)} Straße, Čakovec, Île-de-France, ${text.slice(20)}`,
    post_code: String(digest.readUInt16LE(4)),
    email: `${text.slice(0, 10)}@example.com`,
    username: `user-${sequence}`,
    dob: new Date(digest.readUInt32LE(8) * 400).toISOString(),
    registered_date: new Date(1.6e12 + sequence).toISOString(),
    phone: String(digest.readUInt32LE(12)),
    picture: `https://example.com/${text}/${sequence}.jpg`,
  }
}

/** The bytes of a record, given how the users of this load are encoded and framed. */
export function sentValue(record: SentRecord, encode: (user: SentUser) => Buffer): Buffer | null {
  if (record.kind === 'delete') return null
  if (record.user !== null) return encode(record.user)
  const good = encode(userOf(record.id, record.sequence, createHash('sha1').update(record.id).digest()))
  switch (record.fault!) {
    case 'empty':
      return Buffer.alloc(0)
    case 'unframed':
      return Buffer.from(`{"sequence":${record.sequence}}`)
    case 'short':
      return good.subarray(0, 4)
    case 'truncated':
      return good.subarray(0, good.length - 3)
    case 'overlong':
      return Buffer.concat([good, Buffer.from([1, 2, 3])])
  }
}
