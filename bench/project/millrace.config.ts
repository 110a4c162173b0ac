import { defineConfig, type TargetConfig } from 'millrace'

/** The users pipeline as it is, on the engines that the benchmark started. */
const target = JSON.parse(process.env.BENCH_TARGET ?? 'null') as TargetConfig

export default defineConfig({ pipelines: ['../../pipelines/users.ts'], targets: { bench: target } })
