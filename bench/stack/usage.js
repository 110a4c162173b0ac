/**
 * Loaded into each measured program before its own code (`node --import`): writes what the process has used to the file
 * `BENCH_USAGE` when it exits. JavaScript, so that it does not load a compiler into a program that needs none.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

if (isMainThread) {
  process.on('exit', () => {
    const { userCPUTime, systemCPUTime } = process.resourceUsage()
    // Not maxRSS: that begins with the memory of the process that started this one.
    const [, peak] = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))
    writeFileSync(
      process.env.BENCH_USAGE,
      JSON.stringify({ cpuMicros: userCPUTime + systemCPUTime, peakBytes: Number(peak) * 1024 }),
    )
  })
}
