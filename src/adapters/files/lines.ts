/** One line of a file, without its line end. */
export interface Line {
  /** All of it, or only its first part where `length` is larger. */
  readonly bytes: Uint8Array
  /** Bytes in the file. */
  readonly length: number
  /** Bytes of the line end and what was before it: where the next line starts, counted from the splitter's start. */
  readonly end: number
}

export interface LineLimits {
  readonly maxLineBytes: number
  /** How much is kept of a line that is longer. */
  readonly keptBytes: number
}

export interface LineSplitter {
  /** The lines that a chunk completes. The chunk must not change afterwards: lines are views of it. */
  push(chunk: Uint8Array): readonly Line[]
  /** The last line, if the file does not end with a line end. */
  rest(): Line | null
}

const lineFeed = 10

/** Cuts chunks into lines; holds at most `maxLineBytes` and a chunk, however long a line is. */
export function lineSplitter({ maxLineBytes, keptBytes }: LineLimits): LineSplitter {
  let parts: Uint8Array[] = []
  let length = 0
  let position = 0

  function add(part: Uint8Array): void {
    const before = length
    length += part.length
    position += part.length
    if (length <= maxLineBytes) parts.push(part)
    else if (before <= maxLineBytes) parts = [Buffer.concat([...parts, part], Math.min(keptBytes, maxLineBytes))]
  }

  function take(): Line {
    const line = { bytes: parts.length === 1 ? parts[0]! : Buffer.concat(parts), length, end: position }
    parts = []
    length = 0
    return line
  }

  return {
    push(chunk) {
      const lines: Line[] = []
      let from = 0
      for (let to = chunk.indexOf(lineFeed); to !== -1; to = chunk.indexOf(lineFeed, from)) {
        add(chunk.subarray(from, to))
        position++
        lines.push(take())
        from = to + 1
      }
      if (from < chunk.length) add(chunk.subarray(from))
      return lines
    },
    rest: () => (length === 0 ? null : take()),
  }
}
