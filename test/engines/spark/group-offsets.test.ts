import { describe, expect, it } from 'vitest'
import { userOf } from '../faults/poisons.ts'
import { sinkEnginesOfThisFile, sparkTimeout } from './sink-engines.ts'
import { SparkRun } from './spark.ts'
import { UsersStage } from './users-stage.ts'

const { engines, jars } = sinkEnginesOfThisFile()
const timeout = sparkTimeout

/** Each part has users of its own, newer versions of some before them, deletes and bad records, in both partitions. */
async function sendPart(stage: UsersStage, part: number): Promise<void> {
  for (const partition of [0, 1]) {
    const own = Array.from({ length: 200 }, (_, number) => userOf(1_000 * part + 2 * number + partition))
    const changed =
      part === 0 ? [] : own.slice(0, 20).map((user, number) => ({ ...user, id: idIn(part - 1, number, partition) }))
    await stage.sendUsers([...own, ...changed], partition)
    await stage.sendBad([`bad ${part} ${partition}`], partition)
    await stage.sendUsers([userOf(1_000 * part + 500 + partition)], partition)
  }
}

function idIn(part: number, number: number, partition: number): string {
  return userOf(1_000 * part + 2 * number + partition).id!
}

const bad = (parts: number) => Array.from({ length: parts }, (_, part) => [`bad ${part} 0`, `bad ${part} 1`]).flat()

/** Every row has the version that one reader of the whole topic would give. */
async function expectVersions(stage: UsersStage): Promise<void> {
  const expected = await stage.expectedVersions()
  const rows = await stage.readers.rows()
  expect(rows.size).toBe(expected.size)
  for (const { id, versions } of rows.values()) expect(new Set(versions), id).toEqual(new Set([expected.get(id)]))
}

describe('a stage that moves between Node and Spark', () => {
  it('goes on where it stood, with the next version, there and back, and repeats no dead letter (G2, G5)', {
    timeout,
  }, async () => {
    const stage = await UsersStage.open(engines())
    await sendPart(stage, 0)
    await stage.runOnNode()
    await sendPart(stage, 1)
    const task = stage.task()
    const { topic } = stage.declaration
    const { committed } = await stage.positions()
    const startingOffsets = JSON.stringify({ [topic.name]: Object.fromEntries(committed.entries()) })
    const onSpark = { ...task, source: { ...task.source, startingOffsets } }
    await new SparkRun(onSpark, jars()).done()
    expect(await stage.letterValues()).toEqual(bad(2))
    await expectVersions(stage)

    const handed = await stage.positions()
    expect(handed.committed).toEqual(handed.ends)
    await sendPart(stage, 2)
    await stage.runOnNode()
    await expectVersions(stage)

    // With its old checkpoint Spark does again what Node did.
    await sendPart(stage, 3)
    await new SparkRun(onSpark, jars()).done()
    expect(await stage.letterValues()).toEqual(bad(4))
    await expectVersions(stage)
    const last = await stage.positions()
    expect(last.committed).toEqual(last.ends)
  })

  it('is refused on Spark while a worker on Node has its group', { timeout }, async () => {
    const stage = await UsersStage.open(engines())
    await stage.sendUsers([userOf(0), userOf(1)])
    await stage.sendUsers([userOf(2)], 1)
    await stage.runOnNode()
    const { group } = stage.declaration.stage
    let reason = ''
    await stage.runOnNode(async () => {
      await expect.poll(async () => (await stage.readers.group(group)).members.length, { timeout }).toBe(1)
      reason = await new SparkRun(stage.task(), jars()).failure()
      return true
    })
    expect(reason).toContain(
      `PARTITION_LOST: The consumer group ${group} has members. Stop the workers of the stage on Node first.`,
    )
  })
})
