import type { Column } from '../figures.ts'
import type { Program } from './programs.ts'
import type { Rows } from './rows.ts'

export interface Throughput {
  /** From the first row that a reader sees to the last. */
  readonly rowsPerSecond: number
  /** User and system time of the whole process, start included, for each row. */
  readonly cpuMicrosPerRow: number
  /** NaN where it is not known. */
  readonly peakMebibytes: number
}

export const throughputColumns: readonly Column<Throughput>[] = [
  { title: 'rows/s', of: run => run.rowsPerSecond, digits: 0, withRatio: true },
  { title: 'µs CPU a row', of: run => run.cpuMicrosPerRow, digits: 1 },
]

/**
 * Lets a program move all users that are in its topic into an empty table, and counts them there.
 * @param last the ids of the last of each partition
 */
export async function measureThroughput(
  name: string,
  start: () => Program,
  rows: Rows,
  users: number,
  last: readonly string[],
): Promise<Throughput> {
  await rows.clear()
  const { ended, kill } = start()
  const over = new AbortController()
  const seen = async () => {
    const from = await rows.any(over.signal)
    return { from, to: await rows.all(last, over.signal) }
  }
  const failure = ended.then(() => new Promise<never>(() => {}))
  try {
    const { from, to } = await Promise.race([seen(), failure])
    const { cpuMicros, peakBytes } = await ended
    const count = await rows.count()
    if (count !== users) throw new Error(`${name} stored ${count} rows of ${users}.`)
    return {
      rowsPerSecond: users / ((to - from) / 1000),
      cpuMicrosPerRow: cpuMicros / users,
      peakMebibytes: peakBytes / 1024 ** 2,
    }
  } finally {
    over.abort()
    kill()
  }
}
