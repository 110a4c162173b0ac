import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bytes, poisons, userOf } from '../faults/poisons.ts'
import type { TopicRecord } from '../faults/readers.ts'
import { sinkEnginesOfThisFile, sparkTimeout } from './sink-engines.ts'
import { SparkRun } from './spark.ts'
import { schemaIds, UsersStage } from './users-stage.ts'

const { engines, jars } = sinkEnginesOfThisFile()
const timeout = sparkTimeout

/** A dead letter as whoever reads its topic has it. */
function comparable({ key, value, headers }: TopicRecord) {
  const text = (bytes: Buffer | null) => (bytes === null ? null : bytes.toString('latin1'))
  const sorted = [...headers].map(([name, value]) => [name, text(value)]).toSorted()
  return { key: String(key), value: text(value), headers: sorted }
}

/** As if Spark had died between the sink's commit and its own. */
function forgetCommits(checkpoint: string): void {
  rmSync(join(checkpoint, 'commits'), { recursive: true })
}

describe('records that cannot be processed, on Spark', () => {
  it('become the dead letters that the Node stage makes of them, byte for byte, and once (G5, G10)', {
    timeout,
  }, async () => {
    const stage = await UsersStage.open(engines())
    const all = poisons(stage.encode, schemaIds.other)
    for (const [index, poison] of all.entries()) {
      await stage.sendUsers([userOf(index)], index % 2)
      await stage.send([poison], index % 2)
    }
    await stage.send([{ name: 'delete', key: bytes(userOf(0).id!), value: null }], 0)
    const task = stage.task()
    const first = new SparkRun(task, jars())
    await first.done()
    const bad = all.filter(({ code }) => code !== null).length
    const good = all.length - bad
    const rows = await stage.readers.rows()
    expect(rows.size).toBe(all.length - 1 + good)
    const letters = await stage.letters()
    expect(letters).toHaveLength(bad)
    expect(first.output).toContain(`"deadLetters":"${bad}"`)
    const { ends, committed } = await stage.positions()
    expect(committed).toEqual(ends)

    forgetCommits(task.checkpoint!)
    await stage.sendBad(['one more'])
    await new SparkRun(task, jars()).done()
    expect(await stage.letters()).toHaveLength(bad + 1)
    expect(await stage.readers.rows()).toEqual(rows)

    await stage.emptyTable()
    const twin = await stage.twin()
    await twin.runOnNode()
    const onSpark = new Map((await stage.letters()).map(letter => [String(letter.key), comparable(letter)]))
    const onNode = new Map((await twin.letters()).map(letter => [String(letter.key), comparable(letter)]))
    expect([...onSpark.keys()]).toEqual([...onNode.keys()])
    for (const [id, letter] of onNode) expect(onSpark.get(id), id).toEqual(letter)
    expect(await stage.readers.rows()).toEqual(rows)
  })

  it('are written after their rows: killed between the two, Spark does neither twice (G1, G5)', {
    timeout,
  }, async () => {
    const stage = await UsersStage.open(engines(), false)
    await stage.sendUsers([userOf(0), userOf(1)])
    await stage.sendBad(['first', 'second'])
    const task = stage.task()
    // Without their topic dead letters wait.
    const killed = new SparkRun(task, jars())
    await expect.poll(async () => (await stage.readers.rows()).size, { timeout }).toBe(2)
    await killed.kill()
    const rows = await stage.readers.rows()
    expect((await stage.positions()).committed).toEqual([0, 0])

    await stage.createDeadLetterTopic()
    await new SparkRun(task, jars()).done()
    expect(await stage.letterValues()).toEqual(['first', 'second'])
    expect(await stage.readers.rows()).toEqual(rows)
  })

  it('are written before the checkpoint: killed between the two, Spark writes none twice (G3, G5)', {
    timeout,
  }, async () => {
    const stage = await UsersStage.open(engines(), false)
    await stage.sendUsers([userOf(0)])
    await stage.sendBad(['first', 'second'])
    const task = stage.task()
    const killed = new SparkRun(task, jars())
    await expect.poll(async () => (await stage.readers.rows()).size, { timeout }).toBe(1)
    // Dead letters wait for their topic, and then the checkpoint for Cassandra.
    await engines().cassandra.stop()
    try {
      await stage.createDeadLetterTopic()
      await expect.poll(() => stage.letterValues(), { timeout }).toEqual(['first', 'second'])
      await killed.kill()
    } finally {
      await engines().cassandra.start()
    }
    expect((await stage.positions()).committed).toEqual([0, 0])
    await stage.sendBad(['third'])
    await new SparkRun(task, jars()).done()
    expect(await stage.letterValues()).toEqual(['first', 'second', 'third'])
  })

  it('are many: a partition of nothing else is written part by part (G6)', { timeout }, async () => {
    const stage = await UsersStage.open(engines())
    const values = Array.from({ length: 5_000 }, (_, number) => `bad ${String(number).padStart(4, '0')}`)
    await stage.sendBad(values)
    await new SparkRun(stage.task(), jars()).done()
    expect(await stage.letterValues()).toEqual(values)
    const { ends, committed } = await stage.positions()
    expect(committed).toEqual(ends)
  })

  it('do not wait for the end of a batch in real-time mode, and come once though all is read again (G5)', {
    timeout,
  }, async () => {
    const stage = await UsersStage.open(engines())
    const { conf, ...task } = stage.task({ mode: 'update', trigger: 'realTime' })
    const realTime = { ...task, conf: { ...conf, 'spark.sql.streaming.realTimeMode.allowlistCheck': 'false' } }
    const run = new SparkRun(realTime, jars())
    await run.line('STARTED')
    for (const value of ['first', 'second']) {
      await stage.sendBad([value])
      await expect.poll(async () => (await stage.letterValues()).at(-1), { timeout }).toBe(value)
    }
    expect(run.output).not.toContain('PROGRESS')
    await run.kill()

    await stage.sendBad(['third'])
    const again = new SparkRun({ ...realTime, batch: '5 seconds' }, jars())
    await expect.poll(async () => (await stage.letterValues()).at(-1), { timeout }).toBe('third')
    expect(await stage.letterValues()).toEqual(['first', 'second', 'third'])
    await again.line('PROGRESS')
    const { ends, committed } = await stage.positions()
    expect(committed).toEqual(ends)
    await again.kill()
  })
})
