/** What a key asks for. */
export interface KeyHandlers {
  trigger(): void
  /** Every q and every Ctrl-C; also when the terminal has gone. */
  quit(): void
  help(): void
  /** Ctrl-Z. */
  suspend(): void
  /** Ctrl-L. */
  redraw(): void
}

const bindings: { readonly [key: string]: keyof KeyHandlers } = {
  t: 'trigger',
  T: 'trigger',
  q: 'quit',
  Q: 'quit',
  '\x03': 'quit',
  '?': 'help',
  h: 'help',
  '\x1a': 'suspend',
  '\x0c': 'redraw',
}

/** Arrows, function keys, mouse and paste marks: they contain letters that nobody typed. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences begin with one.
const escapeSequence = /\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?/g

/** Reads keys one by one, without Enter, until the returned function is called; it gives the terminal back as it was. */
export function readKeys(stdin: NodeJS.ReadStream, on: KeyHandlers): () => void {
  const onData = (chunk: Buffer | string) => {
    const typed = chunk.toString('latin1').replace(escapeSequence, '')
    for (const key of typed) {
      const name = Object.hasOwn(bindings, key) ? bindings[key] : undefined
      if (name !== undefined) on[name]()
    }
  }
  // Reading from a terminal that was closed fails.
  const onGone = () => on.quit()
  stdin.on('error', onGone)
  stdin.on('end', onGone)
  stdin.on('data', onData)
  stdin.setRawMode(true)
  stdin.resume()
  return () => {
    stdin.off('data', onData)
    stdin.off('end', onGone)
    stdin.off('error', onGone)
    stdin.pause()
    // A terminal that has gone has nothing to be given back.
    stdin.once('error', ignore)
    stdin.setRawMode(false)
    stdin.off('error', ignore)
  }
}

function ignore(): void {}
