import { describe, expectTypeOf, it } from 'vitest'
import type { Json } from '../../src/sdk/json.ts'
import type { SchemaRegistryConfig } from '../../src/sdk/targets/schema-registry.ts'

describe('the configuration of a schema registry', () => {
  it('is plain JSON', () => {
    expectTypeOf<SchemaRegistryConfig>().toExtend<Json>()
  })

  it('takes a secret only from the environment', () => {
    type Basic = Extract<SchemaRegistryConfig['auth'], { readonly kind: 'basic' }>
    expectTypeOf<Basic['password']>().toEqualTypeOf<{ readonly env: string }>()
  })
})
