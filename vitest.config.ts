import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const src = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^millrace$/, replacement: src('index.ts') },
      { find: /^millrace\/testing$/, replacement: src('testing/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // They need real engines: vitest.engines.config.ts.
    exclude: ['test/engines/**'],
    globalSetup: ['test/build.ts'],
    setupFiles: ['test/properties.ts'],
    // For what hangs. On a machine that does much else, what takes a second on a calm one takes half a minute.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
  },
})
