import { hash } from 'node:crypto'
import type { Faker } from '@faker-js/faker'
import type { Random } from '../../ports/clock.ts'
import { seededRandom } from '../system/seeded-random.ts'
import { type Nationality, nationalities, timezones } from './simulator-data.ts'

/** The instant that ages are counted at and no registration is after: the real API's, but fixed, so that a page never changes. */
const today = Date.UTC(2022, 4, 23)
const firstBirth = -800_000_000_000
const firstRegistration = Date.UTC(2002, 2, 21)
const msPerYear = 365.25 * 86_400_000
const adult = 21 * msPerYear

/** What users of one nationality are put together from. */
interface Words {
  readonly female: readonly string[]
  readonly male: readonly string[]
  readonly last: readonly string[]
  readonly city: readonly string[]
  readonly state: readonly string[]
  readonly street: readonly string[]
}

export interface UserPage {
  readonly seed: string
  readonly page: number
  readonly results: number
  /** At least one. */
  readonly nat: readonly string[]
}

/** Makes the users of any page, the same ones every time. */
export type UserGenerator = (page: UserPage) => Promise<readonly { readonly [field: string]: unknown }[]>

/** A generator that loads a nationality's words when a page first needs them, and keeps them. */
export function userGenerator(): UserGenerator {
  const words = new Map<string, Promise<Words>>()
  const wordsOf = (nat: string) => {
    const loaded = words.get(nat) ?? loadWords(nationalities[nat]!)
    words.set(nat, loaded)
    return loaded
  }
  return async ({ seed, page, results, nat }) => {
    const random = seededRandom(`${page}:${seed}`)
    const loaded = await Promise.all(nat.map(wordsOf))
    return Array.from({ length: results }, () => {
      const chosen = Math.floor(random.next() * nat.length)
      return makeUser(random, nat[chosen]!, loaded[chosen]!)
    })
  }
}

/** Takes stock from faker once: calling it for every field of every user would cost ten times as much. */
async function loadWords({ locale }: Nationality): Promise<Words> {
  const { faker } = (await import(`@faker-js/faker/locale/${locale}`)) as { readonly faker: Faker }
  // The instance is shared by the process; with its own seed each time, nobody before us changes what we draw.
  faker.seed(1)
  const draw = (count: number, make: () => string) => [...new Set(Array.from({ length: count }, make))]
  return {
    female: draw(60, () => faker.person.firstName('female')),
    male: draw(60, () => faker.person.firstName('male')),
    last: draw(100, () => faker.person.lastName()),
    city: draw(40, () => faker.location.city()),
    state: draw(20, () => faker.location.state()),
    street: draw(40, () => faker.location.street()),
  }
}

function makeUser(random: Random, nat: string, words: Words): { [field: string]: unknown } {
  const { country, titles, postcode, phone, cell, id } = nationalities[nat]!
  const gender = random.next() < 0.5 ? 'female' : 'male'
  const first = pick(random, words[gender])
  const last = pick(random, words.last)
  const [offset, description] = pick(random, timezones)
  const password = fill(random, pick(random, passwords))
  const salt = letters(random, 8)
  const born = between(random, firstBirth, today - adult)
  const registered = between(random, firstRegistration, today)
  const portrait = `${gender === 'male' ? 'men' : 'women'}/${between(random, 0, gender === 'male' ? 99 : 96)}.jpg`
  return {
    gender,
    name: { title: pick(random, titles[gender]), first, last },
    location: {
      street: { number: between(random, 1, 9999), name: pick(random, words.street) },
      city: pick(random, words.city),
      state: pick(random, words.state),
      country,
      postcode: typeof postcode === 'string' ? fill(random, postcode) : between(random, ...postcode),
      coordinates: { latitude: coordinate(random, 90), longitude: coordinate(random, 180) },
      timezone: { offset, description },
    },
    email: `${localPart(`${first}.${last}`)}@example.com`,
    login: {
      uuid: uuid(random),
      username: pick(random, colours) + pick(random, animals) + between(random, 100, 999),
      password,
      salt,
      md5: hash('md5', password + salt),
      sha1: hash('sha1', password + salt),
      sha256: hash('sha256', password + salt),
    },
    dob: dated(born),
    registered: dated(registered),
    phone: fill(random, phone),
    cell: fill(random, cell),
    id: { name: id.name, value: id.value === null ? null : fill(random, id.value) },
    picture: {
      large: `https://randomuser.me/api/portraits/${portrait}`,
      medium: `https://randomuser.me/api/portraits/med/${portrait}`,
      thumbnail: `https://randomuser.me/api/portraits/thumb/${portrait}`,
    },
    nat,
  }
}

const passwords = ['trucker###', 'sebring##', 'homer#', 'celica', 'bigdaddy#', 'lakers##', 'rainbow###', 'пароль##']
const colours = [
  'orange',
  'heavy',
  'sad',
  'tiny',
  'purple',
  'silver',
  'lazy',
  'happy',
  'crazy',
  'yellow',
  'blue',
  'beautiful',
]
const animals = [
  'tiger',
  'bear',
  'ostrich',
  'zebra',
  'duck',
  'peacock',
  'goose',
  'panda',
  'wolf',
  'lion',
  'frog',
  'swan',
]

function pick<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random.next() * list.length)]!
}

/** A whole number from `least` to `most`, both included. */
function between(random: Random, least: number, most: number): number {
  return least + Math.floor(random.next() * (most - least + 1))
}

/** `#` becomes a digit, `@` a capital letter. */
function fill(random: Random, pattern: string): string {
  let text = ''
  for (const char of pattern) {
    if (char === '#') text += between(random, 0, 9)
    else if (char === '@') text += String.fromCharCode(65 + between(random, 0, 25))
    else text += char
  }
  return text
}

function letters(random: Random, length: number): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
  let text = ''
  for (let i = 0; i < length; i++) text += alphabet[Math.floor(random.next() * alphabet.length)]
  return text
}

function coordinate(random: Random, most: number): string {
  return ((random.next() * 2 - 1) * most).toFixed(4)
}

function dated(time: number): { readonly date: string; readonly age: number } {
  return { date: new Date(time).toISOString(), age: Math.floor((today - time) / msPerYear) }
}

/** A version 4 UUID. */
function uuid(random: Random): string {
  const word = () =>
    Math.floor(random.next() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  const hex = word() + word() + word() + word()
  const variant = '89ab'[Math.floor(random.next() * 4)]
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
}

/** Latin letters lose their accents; letters of other scripts stay, as internationalised mail allows. */
function localPart(name: string): string {
  return name
    .toLowerCase()
    .normalize('NFD')
    .replace(/[\p{M}\s'’]/gu, '')
    .replace(/[øæœßłđðþı]/g, letter => plain[letter]!)
}

const plain: { readonly [letter: string]: string } = {
  ...{ ø: 'o', æ: 'ae', œ: 'oe', ß: 'ss', ł: 'l', đ: 'd', ð: 'd', þ: 'th', ı: 'i' },
}
