/** As much of a terminal as the view uses: a screen of rows that scrolls, a cursor, and what has scrolled away. */
export class Screen {
  readonly rows: number
  cursorVisible = true
  readonly history: string[] = []
  #lines: string[]
  #row = 0
  #column = 0

  constructor(rows: number) {
    this.rows = rows
    this.#lines = Array<string>(rows).fill('')
  }

  /** What can be seen, without empty lines at the end. */
  get text(): string[] {
    const lines = this.#lines.map(line => line.trimEnd())
    return lines.slice(0, lines.findLastIndex(line => line !== '') + 1)
  }

  readonly write = (text: string): void => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: this is about control characters.
    for (const [token] of text.matchAll(/\x1b\[([?0-9;]*)([A-Za-z])|[\s\S]/gu)) this.#take(token)
  }

  #take(token: string): void {
    if (token === '\r') this.#column = 0
    else if (token === '\n') this.#lineFeed()
    else if (token.startsWith('\x1b')) this.#obey(token.slice(2, -1), token.at(-1)!)
    else {
      const line = this.#lines[this.#row]!.padEnd(this.#column)
      this.#lines[this.#row] = line.slice(0, this.#column) + token + line.slice(this.#column + 1)
      this.#column++
    }
  }

  #lineFeed(): void {
    if (this.#row < this.rows - 1) this.#row++
    else {
      this.history.push(this.#lines.shift()!.trimEnd())
      this.#lines.push('')
    }
  }

  #obey(parameters: string, command: string): void {
    const count = Number(parameters || 1)
    if (command === 'A') this.#row = Math.max(0, this.#row - count)
    else if (command === 'B') this.#row = Math.min(this.rows - 1, this.#row + count)
    else if (command === 'C') this.#column += count
    else if (command === 'K') this.#eraseLineEnd()
    else if (command === 'J') {
      this.#eraseLineEnd()
      this.#lines.fill('', this.#row + 1)
    } else if (parameters === '?25') this.cursorVisible = command === 'h'
    else if (!['?7', '?2026'].includes(parameters)) throw new Error(`unknown sequence ${parameters}${command}`)
  }

  #eraseLineEnd(): void {
    this.#lines[this.#row] = this.#lines[this.#row]!.slice(0, this.#column)
  }
}
