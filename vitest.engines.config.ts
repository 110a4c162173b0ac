import { defineConfig } from 'vitest/config'
import base from './vitest.config.ts'

/** Tests on real engines, one file at a time: `npm run test:engines`. They need what docs/stack.md lists. */
export default defineConfig({
  ...base,
  test: {
    include: ['test/engines/**/*.test.ts'],
    globalSetup: ['test/build.ts'],
    setupFiles: ['test/properties.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
  },
})
