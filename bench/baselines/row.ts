/** What a user of the API is in the topic and the table, as one would write it by hand. */
import avro from 'avsc'
import { type BenchUser, benchUser } from '../user.ts'

export const columns = [
  ...['id', 'first_name', 'last_name', 'gender', 'address', 'post_code', 'email'],
  ...['username', 'dob', 'registered_date', 'phone', 'picture'],
] as const
export type User = Record<(typeof columns)[number], string>

const fields = columns.map(name => ({ name, type: 'string' as const }))
export const userType = avro.Type.forSchema({ type: 'record', name: 'User', fields })

export function toUser(u: BenchUser): User {
  const { street, city, state, country, postcode } = u.location
  return {
    id: u.login.uuid,
    first_name: u.name.first,
    last_name: u.name.last,
    gender: u.gender,
    address: `${street.number} ${street.name}, ${city}, ${state}, ${country}`,
    post_code: String(postcode),
    email: u.email,
    username: u.login.username,
    dob: u.dob.date,
    registered_date: u.registered.date,
    phone: u.phone,
    picture: u.picture.medium,
  }
}

/** As Confluent's serialisers write it. */
export function toAvro(user: User, schemaId: number): Buffer {
  const header = Buffer.alloc(5)
  header.writeUInt32BE(schemaId, 1)
  return Buffer.concat([header, userType.toBuffer(user)])
}

/** The first `count` users as records of a topic, made in advance. */
export function encodedUsers(topic: string, schemaId: number, count: number) {
  return Array.from({ length: count }, (_, n) => {
    const user = toUser(benchUser(n))
    return { topic, key: Buffer.from(user.id), value: toAvro(user, schemaId) }
  })
}
