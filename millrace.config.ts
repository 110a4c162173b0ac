import { defineConfig, embedded, full, spark, stack } from 'millrace'

export default defineConfig({
  pipelines: ['pipelines/users.ts', 'pipelines/orders.ts'],
  targets: {
    local: embedded(),
    stack: stack(),
    spark: spark(),
    full: full(),
  },
})
