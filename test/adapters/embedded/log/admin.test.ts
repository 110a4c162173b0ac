import { describe, expect, it } from 'vitest'
import { createTopic, openLog, temporaryLogPath } from './support.ts'

describe('lists', () => {
  it('page through topics and groups by name', async () => {
    const log = openLog(temporaryLogPath())
    const producer = await log.producer('producer')
    for (const name of ['c', 'a', 'b']) {
      await createTopic(log, { name })
      await producer.append([], [{ group: `group-${name}`, topic: name, partition: 0, next: 1, metadata: '' }])
    }
    const first = await log.admin.topics({ limit: 2 })
    expect(first.items.map(topic => topic.name)).toEqual(['a', 'b'])
    const rest = await log.admin.topics({ limit: 2, after: first.next! })
    expect([rest.items.map(topic => topic.name), rest.next]).toEqual([['c'], null])
    const groups = await log.admin.groups({ limit: 2 })
    expect(groups.items.map(each => each.group)).toEqual(['group-a', 'group-b'])
    const more = await log.admin.groups({ limit: 2, after: groups.next! })
    expect([more.items.map(each => each.group), more.next]).toEqual([['group-c'], null])
  })

  it.each(['', '.', '..', 'a/b', 'ä', 'x'.repeat(250)])('%j cannot be a topic’s name', async name => {
    const log = openLog(temporaryLogPath())
    await expect(createTopic(log, { name })).rejects.toMatchObject({ code: 'NAME_INVALID' })
  })
})
