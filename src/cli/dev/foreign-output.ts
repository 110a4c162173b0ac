type Write = NodeJS.WriteStream['write']

export interface Interception {
  /** Writes past the interception. */
  write(text: string): void
  /** Whether what was written last left its line unfinished; asking forgets it. */
  takeUnfinished(): boolean
  stop(): void
}

/**
 * Calls `before` before anybody else writes to the streams, such as a `console.log` in a pipeline file, so that a picture
 * on the terminal can step aside. The first stream is the one the picture is on.
 */
export function interceptOutput(
  streams: readonly [NodeJS.WriteStream, ...NodeJS.WriteStream[]],
  before: () => void,
): Interception {
  let unfinished = false
  const originals = streams.map(stream => stream.write)
  for (const [index, stream] of streams.entries()) {
    const original = originals[index]!
    stream.write = function (this: NodeJS.WriteStream, ...args: Parameters<Write>) {
      before()
      const [chunk] = args
      const end = typeof chunk === 'string' ? chunk.at(-1) : chunk.at(-1) === 10 ? '\n' : ''
      if (end !== undefined) unfinished = end !== '\n'
      return original.apply(stream, args)
    } as Write
  }
  return {
    write: text => void originals[0]!.call(streams[0], text),
    takeUnfinished() {
      const was = unfinished
      unfinished = false
      return was
    },
    stop() {
      for (const [index, stream] of streams.entries()) stream.write = originals[index]!
    },
  }
}
