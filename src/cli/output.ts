import { once } from 'node:events'
import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

/** Standard output or standard error, line by line. */
export class Output {
  readonly #stream: WriteStream
  readonly isTerminal: boolean
  /** Whether `style` colours: only on a terminal, and never with `NO_COLOR`. */
  readonly colours: boolean

  constructor(stream: WriteStream, env: NodeJS.ProcessEnv) {
    this.#stream = stream
    this.isTerminal = stream.isTTY === true
    this.colours = this.isTerminal && !env.NO_COLOR && env.TERM !== 'dumb'
  }

  /** Columns of the terminal; null where there is none to fit. */
  get columns(): number | null {
    return this.isTerminal ? this.#stream.columns : null
  }

  /** Resolves when more may be written, so that a slow reader slows the writer. */
  async line(text = ''): Promise<void> {
    if (this.#stream.write(`${text}\n`)) return
    // A reader that has gone is told to everyone by the context's signal.
    await once(this.#stream, 'drain').catch(() => {})
  }

  /** One line of JSON. */
  json(value: unknown): Promise<void> {
    return this.line(toJsonText(value))
  }

  /** An arrow, so that it can be handed on as a cell's paint. */
  readonly style = (style: Style, text: string): string =>
    this.colours ? styleText(style, text, { validateStream: false }) : text
}

/** Values of tables and records that JSON has no form for: bytes become base64, integers beyond 2^53 text. */
export function toJsonText(value: unknown): string {
  return JSON.stringify(value, function (this: { readonly [key: string]: unknown }, key, converted: unknown) {
    // A Buffer has already been converted to a list of numbers here.
    const original = this[key]
    if (original instanceof Uint8Array) return Buffer.from(original).toString('base64')
    if (typeof original !== 'bigint') return converted
    return Number.isSafeInteger(Number(original)) ? Number(original) : String(original)
  })
}
