/** `Did you mean first_name?`, or a list of what there is. */
export function suggest(wrong: string, names: readonly string[]): string {
  const near = nearest(wrong, names)
  if (near !== null) return `Did you mean ${near}?`
  const shown = names.slice(0, 12).join(', ')
  return `There ${names.length === 1 ? 'is' : 'are'} ${shown}${names.length > 12 ? ', …' : ''}.`
}

/** The name most like `wrong`, if one is within a third of its length. */
export function nearest(wrong: string, names: readonly string[]): string | null {
  let best: string | null = null
  let least = Math.max(1, Math.floor(wrong.length / 3)) + 1
  for (const name of names) {
    const edits = distance(wrong.toLowerCase(), name.toLowerCase())
    if (edits < least) {
      best = name
      least = edits
    }
  }
  return best
}

/** The fewest characters to insert, delete, replace or swap with their neighbour. */
function distance(a: string, b: string): number {
  let before: readonly number[] = []
  let row: readonly number[] = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? before[j - 2]! + 1 : replaced
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, replaced, swapped)
    }
    before = row
    row = next
  }
  return row[b.length]!
}
