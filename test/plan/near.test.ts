import { describe, expect, it } from 'vitest'
import { nearest, suggest } from '../../src/plan/near.ts'

describe('a suggestion', () => {
  const names = ['first_name', 'last_name', 'email', 'id']

  it.each([
    ['frist_name', 'first_name'],
    ['firstname', 'first_name'],
    ['First_Name', 'first_name'],
    ['emial', 'email'],
    ['idd', 'id'],
    ['phone', null],
    ['', null],
  ])('for %j is %s', (wrong, near) => expect(nearest(wrong, names)).toBe(near))

  it('lists what there is when nothing is near', () => {
    expect(suggest('phone', names)).toBe('There are first_name, last_name, email, id.')
  })

  it('never lists more than twelve', () => {
    const many = Array.from({ length: 40 }, (_, i) => `column_${i}`)
    expect(suggest('x', many)).toMatch(/^There are (column_\d+, ){12}…\.$/)
  })
})
