import { MillraceError } from '../errors.ts'
import type { Rate } from '../quantities.ts'
import type { Source } from '../source.ts'
import { type Infer, t } from '../types.ts'
import { httpSource } from './http.ts'

/** Nationalities that version 1.4 of the API knows. */
export const randomUserNationalities = [
  ...['AU', 'BR', 'CA', 'CH', 'DE', 'DK', 'ES', 'FI', 'FR', 'GB', 'IE'],
  ...['IN', 'IR', 'MX', 'NL', 'NO', 'NZ', 'RS', 'TR', 'UA', 'US'],
] as const

const fields = {
  gender: t.text(),
  name: t.record('Name', { title: t.text(), first: t.text(), last: t.text() }),
  location: t.record('Location', {
    street: t.record('Street', { number: t.int(), name: t.text() }),
    city: t.text(),
    state: t.text(),
    country: t.text(),
    // A number in some countries, text in others.
    postcode: t.text({ acceptNumbers: true }),
    coordinates: t.record('Coordinates', { latitude: t.text(), longitude: t.text() }),
    timezone: t.record('Timezone', { offset: t.text(), description: t.text() }),
  }),
  email: t.text(),
  login: t.record('Login', {
    uuid: t.uuid(),
    username: t.text(),
    password: t.text(),
    salt: t.text(),
    md5: t.text(),
    sha1: t.text(),
    sha256: t.text(),
  }),
  dob: t.record('DateOfBirth', { date: t.text(), age: t.int() }),
  registered: t.record('Registered', { date: t.text(), age: t.int() }),
  phone: t.text(),
  cell: t.text(),
  // Null in countries without an identity number.
  id: t.record('Identity', { name: t.text(), value: t.optional(t.text()) }),
  picture: t.record('Picture', { large: t.text(), medium: t.text(), thumbnail: t.text() }),
  nat: t.text(),
}

/** A user as the randomuser API gives it. */
export const randomUser = t.record('RandomUser', fields)

export type RandomUser = Infer<typeof randomUser>
export type RandomUserField = keyof RandomUser

export interface RandomUsersOptions<I extends RandomUserField, E extends RandomUserField> {
  /** Users a page, 1 to 5,000. Default 300. */
  readonly results?: number
  /** Nationalities to choose from. Default all. */
  readonly nat?: readonly (typeof randomUserNationalities)[number][]
  /** The only fields to fetch. Default all. */
  readonly inc?: readonly I[]
  /** Fields not to fetch. Default none. */
  readonly exc?: readonly E[]
  /**
   * Most users over time, such as `300/s`, or `max`. Default `300/s`: the public API gives one client 20,000 users in five
   * minutes, so a minute's run fits.
   */
  readonly pace?: Rate | 'max'
}

/**
 * Users from the randomuser API 1.4: at `https://randomuser.me/api/`, or where the environment variable
 * `RANDOM_USER_URL` says. The same run always gets the same users.
 *
 * @throws MillraceError `CONFIG_INVALID`, `DURATION_INVALID`.
 */
export function randomUsers<const I extends RandomUserField = RandomUserField, const E extends RandomUserField = never>(
  options: RandomUsersOptions<I, E> = {},
): Source<Pick<RandomUser, Exclude<I, E>>> {
  const results = options.results ?? 300
  if (!Number.isInteger(results) || results < 1 || results > 5000) {
    throw invalid('results', results, 'Give a whole number from 1 to 5000.')
  }
  const query: Record<string, string> = {}
  if (options.nat?.length) query.nat = options.nat.join(',').toLowerCase()
  if (options.inc?.length) query.inc = options.inc.join(',')
  if (options.exc?.length) query.exc = options.exc.join(',')

  return httpSource(
    'randomuser',
    {
      url: 'https://randomuser.me/api/',
      query,
      records: 'results',
      // The API starts over with page 1 after this one.
      page: { kind: 'number', parameter: 'page', last: 10_000 },
      size: { parameter: 'results', value: results },
      // It appends the page to the seed, and reads a nationality out of a seed of 18 characters: seeds of one other
      // length can neither meet nor be misread.
      seed: { parameter: 'seed', digits: 16 },
      schema: schemaOf(options.inc ?? randomUserFields, options.exc ?? []),
      pace: options.pace ?? '300/s',
    },
    'RANDOM_USER_URL',
  ) as Source<Pick<RandomUser, Exclude<I, E>>>
}

const randomUserFields = Object.keys(fields) as RandomUserField[]

function schemaOf(inc: readonly RandomUserField[], exc: readonly RandomUserField[]) {
  for (const field of [...inc, ...exc]) {
    if (!Object.hasOwn(fields, field)) throw invalid('inc, exc', field, `Choose from ${randomUserFields.join(', ')}.`)
  }
  const chosen = randomUserFields.filter(field => inc.includes(field) && !exc.includes(field))
  if (chosen.length === randomUserFields.length) return randomUser
  return t.record('RandomUser', Object.fromEntries(chosen.map(field => [field, fields[field]])))
}

function invalid(option: string, value: unknown, fix: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', `${JSON.stringify(value)} is not usable here.`, {
    place: `randomUsers({ ${option} })`,
    fix,
  })
}
