import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEngines } from './engines.ts'
import type { Programs } from './programs.ts'
import { Rows } from './rows.ts'
import { openSetting } from './setting.ts'

/** What a benchmark on real engines works with. */
export interface Bench extends Programs {
  readonly rows: Rows
}

/** Starts engines for a benchmark, with nothing in them but the users pipeline's topics and table, and stops them after it. */
export async function withEngines(measure: (bench: Bench) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  const engines = await startEngines(directory)
  process.env.BENCH_TARGET = JSON.stringify(engines.target)
  const setting = await openSetting(join(directory, 'setting'))
  const rows = new Rows(engines.contactPoint)
  try {
    await measure({ engines, setting, directory, rows })
  } finally {
    await rows.close()
    await setting.close()
    await engines.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** What figures have to be read with. */
export function machine(): string {
  const cpu = cpus()
  return `${cpu.length} × ${cpu[0]?.model}, Node ${process.version}; median (least–most)`
}
