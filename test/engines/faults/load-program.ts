import { compatibilityPartitioner, type ProduceResult, Producer } from '@platformatic/kafka'
import type { LoadProgramOptions, LoadReport } from './load.ts'
import { sentRecord, sentValue } from './sent-record.ts'
import { userEncoding } from './user-encoding.ts'

/**
 * Produces the records of a seed until it is told to stop, by any message: a program of its own, without any code of
 * Millrace. A send that failed is repeated for as long as it takes, so the order of a partition is that of the seed, but
 * for repeats of what was in doubt.
 */
const options = JSON.parse(process.argv[2]!) as LoadProgramOptions
const { brokers, registry, topic, seed, mix, rate, batch, limit } = options
const encode = await userEncoding(registry, topic)
const producer = new Producer({
  clientId: 'load',
  bootstrapBrokers: [brokers],
  idempotent: true,
  partitioner: compatibilityPartitioner,
  acks: -1,
  timeout: 10_000,
  retries: 3,
  retryDelay: 100,
})
let stopping = false
process.once('message', () => {
  stopping = true
})
// Its parent is gone.
const orphaned = () => process.exit(1)
process.once('disconnect', orphaned)

let next = 0
const startedAt = performance.now()
while (!stopping && next < limit) {
  const due = rate === null ? next + batch : Math.floor(((performance.now() - startedAt) * rate) / 1_000)
  const end = Math.min(next + batch, due, limit)
  if (end <= next) {
    await new Promise(resolve => setTimeout(resolve, 5))
    continue
  }
  await send(next, end)
  next = end
}
process.off('disconnect', orphaned)
process.disconnect()
await producer.close()

async function send(from: number, to: number): Promise<void> {
  const messages = Array.from({ length: to - from }, (_, index) => {
    const record = sentRecord(seed, from + index, mix)
    const value = sentValue(record, encode)
    return {
      topic,
      key: Buffer.from(record.id),
      ...(value !== null && { value }),
      headers: new Map([[Buffer.from('sequence'), Buffer.from(String(record.sequence))]]),
    }
  })
  for (;;) {
    try {
      const result = await producer.send({ messages })
      report({ from, to, offsets: result.offsets!.map(toBase) })
      return
    } catch (thrown) {
      report({ failed: thrown instanceof Error ? thrown.message : String(thrown) })
      await new Promise(resolve => setTimeout(resolve, 200))
    }
  }
}

function toBase({ partition, offset }: NonNullable<ProduceResult['offsets']>[number]): [number, number] {
  return [partition, Number(offset)]
}

function report(line: LoadReport): void {
  process.send!(line)
}
