import { type SentUser, sentRecord } from './sent-record.ts'

/** What the topic takes of key and value; see `maxRecordBytes` of a topic. */
const maxRecordBytes = 1024 * 1024

/** A record of a program that is not Millrace's. */
export interface Poison {
  /** What is special about it; also sent as the header `case`. */
  readonly name: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: readonly (readonly [string, Buffer])[]
  /** The code of its dead letter; null if it is a user, or deletes one, like any other record. */
  readonly code: 'RECORD_UNDECODABLE' | 'RECORD_REJECTED' | null
}

const noMix = { badEvery: 0, deleteEvery: 0 }
export const userOf = (sequence: number): SentUser => sentRecord('poison', sequence * 4, noMix).user!
export const bytes = (text: string) => Buffer.from(text)

/** Every kind of poison there is a name for, with good records that look like it. @param otherSchema id of a schema that is not of users */
export function poisons(encode: (user: SentUser) => Buffer, otherSchema: number): readonly Poison[] {
  let sequence = 1_000
  const next = () => userOf(sequence++)
  const framed = (id: number, body: Buffer) => {
    const frame = Buffer.alloc(5)
    frame.writeUInt32BE(id, 1)
    return Buffer.concat([frame, body])
  }
  const good = encode(next())
  const body = good.subarray(5)
  const key = bytes('a key')
  const undecodable = (name: string, value: Buffer, headers: Poison['headers'] = []): Poison => ({
    ...{ name, key, value, headers, code: 'RECORD_UNDECODABLE' },
  })
  const rejected = (name: string, key: Buffer | null, value: Buffer | null): Poison => ({
    ...{ name, key, value, code: 'RECORD_REJECTED' },
  })
  const accepted = (name: string, change: Partial<Poison> & { user?: Partial<SentUser> } = {}): Poison => {
    const user = { ...next(), ...change.user }
    const { user: _, ...rest } = change
    return { name, key: bytes(user.id!), value: encode(user as SentUser), code: null, ...rest }
  }
  const invalidText = Buffer.from(body)
  // In the middle of the id's text, whose length is one byte.
  invalidText[10] = 0xff
  const manyHeaders = Array.from({ length: 20_000 }, (_, index) => [`h${index}`, Buffer.alloc(8)] as const)
  return [
    undecodable('an empty value', Buffer.alloc(0)),
    undecodable('one byte', Buffer.from([0])),
    undecodable('no magic byte', body),
    undecodable('a frame without a body', good.subarray(0, 5)),
    undecodable('a record that is cut off', good.subarray(0, good.length - 3)),
    undecodable('bytes behind the record', Buffer.concat([good, bytes('!')])),
    undecodable('an unknown schema', framed(2 ** 31 + 7, body)),
    undecodable('a schema of another subject', framed(otherSchema, Buffer.from([14]))),
    undecodable('JSON', bytes(JSON.stringify(next()))),
    undecodable('text that is not UTF-8', framed(good.readUInt32BE(1), invalidText)),
    undecodable('a length that no record has', framed(good.readUInt32BE(1), Buffer.alloc(9, 0xff))),
    undecodable('one large header', bytes('x'), [['large', Buffer.alloc(1_000_000, 1)]]),
    undecodable('twenty thousand headers', bytes('x'), manyHeaders),
    undecodable('headers with one name', bytes('x'), [
      ['twice', bytes('first')],
      ['twice', bytes('second')],
    ]),
    undecodable('headers of ours', bytes('x'), [
      ['millrace.stage', bytes('users/other')],
      ['millrace.origin', bytes('{')],
      ['millrace.replayed', bytes('never')],
      ['millrace.replay-version', bytes('soon')],
      ['original.x', bytes('y')],
    ]),
    { ...undecodable('a large key', bytes('x')), key: Buffer.alloc(1_000_000, 0x6b) },
    { ...undecodable('no key', bytes('x')), key: null },
    { ...undecodable('an empty key', bytes('x')), key: Buffer.alloc(0) },
    undecodable('an id that is no UUID', encode({ ...next(), id: 'seven' })),
    undecodable('an empty id', encode({ ...next(), id: '' })),
    rejected('a row that is too large', key, encode({ ...next(), address: 'x'.repeat(maxRecordBytes + 20_000) })),
    rejected('a delete without a key', null, null),
    rejected('a delete of an empty key', Buffer.alloc(0), null),
    rejected('a delete of a key that is no id', bytes('seven'), null),
    rejected('a delete of a key that is not UTF-8', Buffer.alloc(16, 0xff), null),
    accepted('a user without a key', { key: null }),
    accepted('a user with an empty key', { key: Buffer.alloc(0) }),
    accepted('a user with empty text', { user: { first_name: '' } }),
    accepted('a user with every character', { user: { first_name: '\0\u0001\u{10ffff}\ufffd"\\\r\n' } }),
    accepted('a user near the limit', { user: { address: 'é'.repeat((maxRecordBytes - 2_000) / 2) } }),
    accepted('a user with large headers', { headers: [['large', Buffer.alloc(1_000_000)]] }),
    accepted('a user with a version of its own', { headers: [['millrace.replay-version', bytes('9007199254740991')]] }),
    accepted('a user with a version that is none', { headers: [['millrace.replay-version', bytes('soon')]] }),
  ]
}
