import { renameSync, writeFileSync } from 'node:fs'

/** Writes a file so that others see it as it was or as it is then, never a part. */
export function writeWholeFile(path: string, text: string): void {
  const temporary = `${path}.${process.pid}`
  writeFileSync(temporary, text, { flush: true })
  renameSync(temporary, path)
}
