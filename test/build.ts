import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')

/**
 * Compiles `src` before the first test, for the tests that start real processes. Type errors do not stop it, as they do
 * not stop the compiler from writing: reporting them is the type check's part.
 */
export function setup(): void {
  const compiler = resolve(root, 'node_modules/typescript/bin/tsc')
  spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root })
}
