import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { inGroups } from '../../src/ports/in-groups.ts'

it('work is done for each item in their order, and for no more at once than allowed', async () => {
  let running = 0
  let most = 0
  const results = await inGroups([5, 1, 3, 2, 4], 2, async number => {
    running += 1
    most = Math.max(most, running)
    await delay(number)
    running -= 1
    return number * 10
  })
  expect(results).toEqual([50, 10, 30, 20, 40])
  expect(most).toBe(2)
  expect(await inGroups([], 2, async () => 1)).toEqual([])
})
