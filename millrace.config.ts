import { defineConfig, embedded } from 'millrace'

export default defineConfig({
  pipelines: ['pipelines/users.ts', 'pipelines/orders.ts'],
  targets: {
    local: embedded(),
  },
})
