import { type Infer, t } from 'millrace'
import { describe, expectTypeOf, it } from 'vitest'

// What these check, `tsc` checks; running them only shows that nothing throws.

describe('the TypeScript type of a declared type', () => {
  it('follows from it', () => {
    const order = t.record('Order', {
      id: t.uuid(),
      count: t.int(),
      number: t.long(),
      ratio: t.double(),
      total: t.decimal(12, 2),
      at: t.timestamp(),
      ok: t.boolean(),
      status: t.enum('Status', ['new', 'paid']),
      note: t.optional(t.text()),
      tags: t.array(t.optional(t.text())),
      home: t.optional(t.record('Home', { city: t.text() })),
    })
    expectTypeOf<Infer<typeof order>>().toEqualTypeOf<{
      readonly id: string
      readonly count: number
      readonly number: number
      readonly ratio: number
      readonly total: string
      readonly at: Date
      readonly ok: boolean
      readonly status: 'new' | 'paid'
      readonly note: string | null
      readonly tags: readonly (string | null)[]
      readonly home: { readonly city: string } | null
    }>()
  })

  it('is the output of its Standard Schema', () => {
    const type = t.optional(t.timestamp())
    type Output = NonNullable<(typeof type)['~standard']['types']>['output']
    expectTypeOf<Output>().toEqualTypeOf<Date | null>()
  })

  it('is kept by spreading the fields of a record', () => {
    const small = t.record('Small', { a: t.int() })
    const large = t.record('Large', { ...small.fields, b: t.text() })
    expectTypeOf<Infer<typeof large>>().toEqualTypeOf<{ readonly a: number; readonly b: string }>()
  })
})
