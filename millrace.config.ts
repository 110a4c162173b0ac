import { defineConfig, embedded, full, stack } from 'millrace'

export default defineConfig({
  pipelines: ['pipelines/users.ts', 'pipelines/orders.ts'],
  targets: {
    local: embedded(),
    stack: stack(),
    full: full(),
  },
})
