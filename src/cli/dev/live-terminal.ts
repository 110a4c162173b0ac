const csi = '\x1b['
const beginFrame = `${csi}?2026h${csi}?25l${csi}?7l`
const endFrame = `${csi}?7h${csi}?2026l`
const showCursor = `${csi}?25h`
const eraseBelow = `${csi}J`
const eraseLineEnd = `${csi}K`
/** In two steps, one column apart: some terminals keep a whole screen that is erased at once in their scroll-back. */
const eraseFromHere = `\r${eraseLineEnd}${csi}C${eraseBelow}\r`

/**
 * Draws lines at the place where the cursor is, and from then on only what changed. The lines must fit the terminal.
 *
 * Between frames the cursor waits, hidden, at the start of the first line: whatever a terminal does to the lines when it is
 * resized, everything from the cursor down is ours. Lines are never wrapped by the terminal, so that a character that it
 * takes for wider than we do cannot push the others down.
 */
export class LiveTerminal {
  readonly #write: (text: string) => void
  #lines: readonly string[] = []
  #cursorHidden = false

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  draw(lines: readonly string[]): void {
    const before = this.#lines
    let row = 0
    let frame = ''
    const goTo = (target: number) => {
      if (target > row) {
        const existing = Math.min(target, Math.max(before.length - 1, row))
        if (existing > row) frame += `${csi}${existing - row}B`
        // Only a line feed scrolls where the terminal ends.
        frame += `\r${'\n'.repeat(target - existing)}`
      } else if (target < row) frame += `${csi}${row - target}A\r`
      row = target
    }
    lines.forEach((line, index) => {
      if (line === before[index]) return
      goTo(index)
      frame += `${line}${eraseLineEnd}\r`
    })
    if (lines.length < before.length) {
      goTo(lines.length)
      frame += eraseBelow
    }
    goTo(0)
    this.#lines = lines
    if (frame === '') return
    this.#cursorHidden = true
    this.#write(beginFrame + frame + endFrame)
  }

  /** Takes the picture away; the next `draw` draws all of it, from where the cursor is. */
  erase(): void {
    if (this.#lines.length > 0) this.#write(eraseFromHere)
    this.#lines = []
  }

  /** Leaves the picture where it is, with a visible cursor below it; the next `draw` draws a new one there. */
  release(): void {
    const { length } = this.#lines
    const below = length === 0 ? '' : `${length > 1 ? `${csi}${length - 1}B` : ''}\r\n`
    if (this.#cursorHidden) this.#write(below + showCursor)
    this.#lines = []
    this.#cursorHidden = false
  }
}
