import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type StageRecord, StageRecords } from '../../../src/adapters/spark/stage-record.ts'
import { temporaryDirectory } from '../../support.ts'

const record: StageRecord = {
  ...{ server: '127.0.0.1:15002', session: 'a', query: null, digest: 'b', deployed: true, schemaIds: [1] },
}

it('keeps what is known of a query, one file a stage', () => {
  const directory = join(temporaryDirectory(), 'spark')
  const records = new StageRecords(directory)
  expect(records.read('shop/load')).toBeNull()
  records.write('shop/load', record)
  records.write('shop/load', { ...record, deployed: false })
  expect(records.read('shop/load')).toEqual({ ...record, deployed: false })
  expect(records.read('shop/other')).toBeNull()
  expect(readdirSync(directory)).toEqual(['shop.load.json'])
})

it.each(['', '{', '{"session":1}', 'null'])('says what to do about a file with %j in it', text => {
  const directory = temporaryDirectory()
  writeFileSync(join(directory, 'shop.load.json'), text)
  expect(() => new StageRecords(directory).read('shop/load')).toThrow(
    expect.objectContaining({ code: 'STATE_CORRUPT' }),
  )
})
