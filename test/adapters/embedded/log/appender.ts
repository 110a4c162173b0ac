/** Appends numbered batches to `users` for ever; prints each batch's number once it is acknowledged. */
import { openEmbeddedLog } from '../../../../src/adapters/embedded/log/log.ts'
import { systemClock } from '../../../../src/adapters/system/clock.ts'

const [path, partitions, recordsEach] = process.argv.slice(2)
const log = openEmbeddedLog({ path: path!, clock: systemClock })
const producer = await log.producer('appender')
for (let batch = 0; ; batch++) {
  const records = Array.from({ length: Number(recordsEach) }, (_, index) => ({
    topic: 'users',
    key: null,
    value: Buffer.from(`${batch}/${index}`),
    partition: index % Number(partitions),
  }))
  const commits = [{ group: 'cursor', topic: 'users', partition: 0, next: batch + 1, metadata: '' }]
  await producer.append(records, commits)
  process.stdout.write(`${batch}\n`)
}
