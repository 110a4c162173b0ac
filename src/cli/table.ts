import { cutText, padText, textWidth } from './text.ts'

export interface TextColumn {
  readonly title: string
  readonly align?: 'left' | 'right'
  /** Never cut, such as an id that is to be copied. */
  readonly whole?: boolean
}

/** A cell: its text, which must be printable, and how to colour it after it was measured. */
export type Cell = string | { readonly text: string; readonly paint: (text: string) => string }

/** Between two columns. */
const gap = '  '
/** Cutting leaves a column at least this wide. */
const minWidth = 6

/**
 * Aligned lines: titles, a rule, then the rows. With a `width` the widest columns are cut with … until a line fits;
 * where even that is not enough, lines are longer than `width`.
 */
export function formatTable(
  columns: readonly TextColumn[],
  rows: readonly (readonly Cell[])[],
  width: number | null,
  paintTitle: (text: string) => string = text => text,
): readonly string[] {
  const natural = naturalWidths(columns, rows)
  const widths = width === null ? natural : fitWidths(natural, columns, width)
  const line = (cells: readonly Cell[]) =>
    columns
      .map(({ align = 'left' }, index) => {
        const cell = cells[index] ?? ''
        const text = padText(cutText(textOf(cell), widths[index]!), widths[index]!, align)
        return typeof cell === 'string' ? text : cell.paint(text)
      })
      .join(gap)
      .trimEnd()
  const titles = columns.map(({ title }) => ({ text: title, paint: paintTitle }))
  const rule = widths.map(each => '─'.repeat(each)).join(gap)
  return [line(titles), paintTitle(rule), ...rows.map(line)]
}

/** A column that is cut to less than this many columns of the terminal cannot be read. */
const readable = 10

/** Whether the rows fit `width` with every column readable; otherwise `formatRecords` is the better form. */
export function fitsTable(
  columns: readonly TextColumn[],
  rows: readonly (readonly Cell[])[],
  width: number | null,
): boolean {
  if (width === null) return true
  const widths = naturalWidths(columns, rows).map(each => Math.min(each, readable))
  return widths.reduce((sum, each) => sum + each, 0) + gap.length * (widths.length - 1) <= width
}

/** Each row as a block of its own, one line a column. */
export function formatRecords(
  columns: readonly TextColumn[],
  rows: readonly (readonly Cell[])[],
  width: number,
  paintTitle: (text: string) => string,
): readonly string[] {
  const titles = Math.max(...columns.map(({ title }) => textWidth(title)))
  const room = Math.max(minWidth, width - titles - gap.length)
  return rows.flatMap((row, number) => [
    paintTitle(`── ${number + 1} ${'─'.repeat(Math.max(0, titles - 3 - String(number).length))}`),
    ...columns.map(({ title }, index) => {
      const cell = row[index] ?? ''
      const text = cutText(textOf(cell), room)
      return `${paintTitle(padText(title, titles))}${gap}${typeof cell === 'string' ? text : cell.paint(text)}`
    }),
  ])
}

function naturalWidths(columns: readonly TextColumn[], rows: readonly (readonly Cell[])[]): readonly number[] {
  return columns.map(({ title }, index) =>
    // A spread of so many rows would be too many arguments.
    rows.reduce((width, row) => Math.max(width, textWidth(textOf(row[index]))), textWidth(title)),
  )
}

function textOf(cell: Cell | undefined): string {
  return cell === undefined || typeof cell === 'string' ? (cell ?? '') : cell.text
}

/** Takes what is too much from the widest columns first, so that narrow ones stay whole. */
function fitWidths(natural: readonly number[], columns: readonly TextColumn[], width: number): readonly number[] {
  const widths = [...natural]
  let excess = widths.reduce((sum, each) => sum + each, 0) + gap.length * (widths.length - 1) - width
  while (excess > 0) {
    const open = widths.map((each, index) => (columns[index]!.whole ? 0 : each))
    const widest = Math.max(...open)
    if (widest <= minWidth) break
    const second = Math.max(minWidth, ...open.filter(each => each < widest))
    const affected = open.flatMap((each, index) => (each === widest ? [index] : []))
    const step = Math.max(1, Math.min(widest - second, Math.ceil(excess / affected.length)))
    for (const index of affected) {
      if (excess <= 0) break
      widths[index]! -= step
      excess -= step
    }
  }
  return widths
}
