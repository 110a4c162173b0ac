import { describe, it } from 'vitest'
import { schemaRegistryConformance } from '../../../src/testing/schema-registry-conformance.ts'
import { openClient, serveEmbedded } from './fixture.ts'

describe('the REST adapter over the embedded registry’s REST API keeps the rules of every schema registry', () => {
  const cases = schemaRegistryConformance(async () => {
    const { url } = await serveEmbedded()
    const { registry } = await openClient({ url })
    const { registry: other } = await openClient({ url })
    const close = async () => {
      await registry.close()
      await other.close()
    }
    return { registry, other, prefix: '', close }
  })
  for (const { rule, check } of cases) it(rule, check)
})
