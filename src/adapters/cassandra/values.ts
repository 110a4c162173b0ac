import type { Driver } from './driver.ts'

/** A value of the driver as plain JavaScript: what columns are declared as, or text for types only Cassandra has. */
export function plainValue(value: unknown, types: Driver['types']): unknown {
  if (value === null || value === undefined) return null
  if (typeof value !== 'object' || value instanceof Date) return value
  if (value instanceof types.Long) {
    const number = value.toNumber()
    // Text keeps whole numbers exact that a JavaScript number cannot hold.
    return Number.isSafeInteger(number) ? number : value.toString()
  }
  if (Buffer.isBuffer(value)) return `0x${value.toString('hex')}`
  if (value instanceof types.Tuple) return value.values().map((each: unknown) => plainValue(each, types))
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    return Array.from(value as ArrayLike<unknown>, each => plainValue(each, types))
  }
  if (Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plainValue(each, types)]))
  }
  return String(value)
}
