/** Where a key goes, exactly as Kafka's default partitioner says: murmur2, made positive, modulo the partition count. */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}

/** 32-bit murmur2 with Kafka's seed; the result is signed, as in Java. */
export function murmur2(data: Uint8Array): number {
  const multiplier = 0x5bd1e995
  const length = data.length
  const tail = length & ~3
  let hash = 0x9747b28c ^ length
  for (let at = 0; at < tail; at += 4) {
    let word = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)
    word = Math.imul(word, multiplier)
    word ^= word >>> 24
    hash = Math.imul(hash, multiplier) ^ Math.imul(word, multiplier)
  }
  const rest = length - tail
  if (rest === 3) hash ^= data[tail + 2]! << 16
  if (rest >= 2) hash ^= data[tail + 1]! << 8
  if (rest >= 1) hash = Math.imul(hash ^ data[tail]!, multiplier)
  hash ^= hash >>> 13
  hash = Math.imul(hash, multiplier)
  return hash ^ (hash >>> 15)
}
