import { defineConfig } from 'vitest/config'
import base from './vitest.config.ts'

/** Figures of what needs the surroundings of the tests on real engines: `npm run bench:starts` prints them. They judge nothing. */
export default defineConfig({
  ...base,
  test: {
    include: ['bench/**/*.measure.ts'],
    globalSetup: ['test/build.ts'],
    fileParallelism: false,
    hookTimeout: 180_000,
  },
})
