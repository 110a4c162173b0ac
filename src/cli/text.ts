/**
 * East Asian Wide and Fullwidth of Unicode 17's EastAsianWidth.txt, neighbouring blocks merged; emoji aside, which
 * JavaScript's own `Emoji_Presentation` covers. JavaScript has no property for it.
 */
const wide =
  /[\u1100-\u115f\u2329\u232a\u2630-\u2637\u268a-\u268f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2fb}\u{1d300}-\u{1d376}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]/u
const emoji = /\p{Emoji_Presentation}|\ufe0f/u
/** Marks, joiners and such, and the vowels and finals that a Hangul syllable is composed of. */
const invisible = /[\p{Mn}\p{Me}\p{Default_Ignorable_Code_Point}\p{Cc}\u1160-\u11ff]/u
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** Columns that a terminal takes for the text, which must not have control characters. */
export function textWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment)
  return width
}

function graphemeWidth(grapheme: string): number {
  if (emoji.test(grapheme)) return 2
  let width = 0
  for (const character of grapheme) {
    if (!invisible.test(character)) width += wide.test(character) ? 2 : 1
  }
  return width
}

/** The text in at most `width` columns, with … in place of what had to go. Never cuts a character in two. */
export function cutText(text: string, width: number): string {
  // A grapheme has at least one code unit, so this is enough to look at, however long the text is.
  if (text.length <= width && textWidth(text) <= width) return text
  let cut = ''
  let used = 0
  for (const { segment } of graphemes.segment(text)) {
    const next = graphemeWidth(segment)
    if (used + next > width - 1) {
      return textWidth(text.slice(cut.length)) <= width - used ? text : `${cut}…`
    }
    cut += segment
    used += next
  }
  return cut
}

/** The text with spaces to fill `width` columns. */
export function padText(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const space = ' '.repeat(Math.max(0, width - textWidth(text)))
  return align === 'left' ? text + space : space + text
}

/**
 * Data made safe to print: control characters, which could move the cursor or recolour the terminal, and characters that
 * turn the direction of writing are written as in JSON.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, escaped)
}

function escaped(character: string): string {
  const short: { readonly [character: string]: string } = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }
  return short[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

const grouped = new Intl.NumberFormat('en')

/** `12,500`. */
export function formatCount(count: number): string {
  return grouped.format(count)
}

/** `12,500 records`, `1 record`. */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`
}

/** How long something took: `840 ms`, `1.4 s`, `2 m 05 s`, `3 h 20 m`. */
export function formatElapsed(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`
  const seconds = Math.round(ms / 1_000)
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} m ${String(seconds % 60).padStart(2, '0')} s`
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} m`
}

/** A point in time for people, in UTC as everything here: `2026-03-01 10:00:00`. */
export function formatTime(time: string | number): string {
  return new Date(time).toISOString().slice(0, 19).replace('T', ' ')
}
