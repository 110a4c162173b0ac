export function median(numbers: readonly number[]): number {
  return percentile(numbers, 0.5)
}

/** @param share from 0 to 1 */
export function percentile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}

/** `median (least–most)` */
export function spread(numbers: readonly number[], digits: number): string {
  const text = (number: number) =>
    number.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return `${text(median(numbers))} (${text(Math.min(...numbers))}–${text(Math.max(...numbers))})`
}

/** Runs two things in turn, each first every other time. */
export async function pairs<A, B>(
  count: number,
  a: () => Promise<A>,
  b: () => Promise<B>,
): Promise<readonly (readonly [A, B])[]> {
  const results: (readonly [A, B])[] = []
  for (let turn = 0; turn < count; turn++) {
    if (turn % 2 === 0) results.push([await a(), await b()])
    else {
      const second = await b()
      results.push([await a(), second])
    }
  }
  return results
}

/** Something that was measured in each run. */
export interface Column<R> {
  readonly title: string
  readonly of: (run: R) => number
  readonly digits: number
  /** Whether the ratio of the two runs of each pair stands beside it. */
  readonly withRatio?: boolean
}

/** A line for each of two programs that took turns. */
export function comparison<R>(
  [one, other]: readonly [string, string],
  both: readonly (readonly [R, R])[],
  columns: readonly Column<R>[],
): string {
  const line = (name: string, pick: (pair: readonly [R, R]) => R) => [
    name,
    ...columns.flatMap(({ of, digits, withRatio }) => {
      const figures = both.map(pair => of(pick(pair)))
      const ratios = both.map(pair => of(pick(pair)) / of(pair[1]))
      return [spread(figures, digits), ...(withRatio ? [spread(ratios, 2)] : [])]
    }),
  ]
  const header = columns.flatMap(({ title, withRatio }) => [title, ...(withRatio ? ['ratio'] : [])])
  return table([['', ...header], line(one, ([a]) => a), line(other, ([, b]) => b)])
}

/** Lines of columns, the first one aligned left and the others right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows
    .map(row => row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join('  '))
    .join('\n')
}
