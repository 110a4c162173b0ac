import { createHash } from 'node:crypto'

/** A user with every field of version 1.4 of the randomuser API, of about the usual 1.1 kB. */
export function makeUser(number: number, uuid: string) {
  const first = firstNames[number % firstNames.length]!
  const last = lastNames[Math.floor(number / firstNames.length) % lastNames.length]!
  const hash = number.toString(16).padStart(16, '0')
  return {
    gender: number % 2 === 0 ? 'female' : 'male',
    name: { title: 'Ms', first, last },
    location: {
      street: { number: 1 + (number % 9999), name: 'Rue de l’Abbé-Grégoire' },
      city: 'Saint-Étienne',
      state: 'Pyrénées-Orientales',
      country: 'France',
      postcode: number % 2 === 0 ? 10_000 + (number % 89_999) : `PO${number % 99} ${number % 9}AB`,
      coordinates: { latitude: '-69.8246', longitude: '134.8719' },
      timezone: { offset: '+9:30', description: 'Adelaide, Darwin' },
    },
    email: `${first}.${last}.${number}@example.com`.toLowerCase(),
    login: {
      uuid,
      username: `silverfrog${number}`,
      password: 'firefly',
      salt: 'bX9gkTz3',
      md5: hash.repeat(2),
      sha1: hash.repeat(3).slice(0, 40),
      sha256: hash.repeat(4),
    },
    dob: { date: '1966-06-26T11:50:25.558Z', age: 60 },
    registered: { date: '2009-01-05T17:33:50.559Z', age: 17 },
    phone: '04-58-88-06-83',
    cell: '06-87-01-50-41',
    id: { name: 'INSEE', value: `2660552${number} 87` },
    picture: {
      large: `https://randomuser.me/api/portraits/women/${number % 100}.jpg`,
      medium: `https://randomuser.me/api/portraits/med/women/${number % 100}.jpg`,
      thumbnail: `https://randomuser.me/api/portraits/thumb/women/${number % 100}.jpg`,
    },
    nat: 'FR',
  }
}

export type BenchUser = ReturnType<typeof makeUser>

/** User number `n`: always the same, and another for each number. */
export function benchUser(n: number): BenchUser {
  return makeUser(n, userId(n))
}

/** Random to look at, as the API's ids are. */
export function userId(n: number): string {
  const digits = createHash('md5').update(String(n)).digest('hex')
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-8${digits.slice(17, 20)}-${digits.slice(20)}`
}

const firstNames = ['Zoé', 'Álvaro', 'Brigitte', 'Milan', 'آرمین', 'Ellen', 'Noah', 'Ömer', 'Signe', 'Tomothy']
const lastNames = ['Lemaire', 'Nuñez', 'Weiß', 'Đorđević', 'کامروا', 'Hansen', 'Singh', 'Yılmaz', 'Berg', 'Bates']
