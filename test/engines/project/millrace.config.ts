import { defineConfig, type TargetConfig } from 'millrace'

/** The users pipeline as it is, on the target that the test passes on. */
const target = JSON.parse(process.env.TEST_TARGET ?? 'null') as TargetConfig

export default defineConfig({ pipelines: ['../../../pipelines/users.ts'], targets: { test: target } })
