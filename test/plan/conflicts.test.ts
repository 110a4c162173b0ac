import { describe, expect, it } from 'vitest'
import { compile } from '../../src/plan/compile.ts'
import { conflicts } from '../../src/plan/conflicts.ts'
import { pipeline } from '../../src/sdk/pipeline.ts'
import { files } from '../../src/sdk/sources/files.ts'
import { table } from '../../src/sdk/table.ts'
import { topic } from '../../src/sdk/topic.ts'
import { t } from '../../src/sdk/types.ts'

const row = t.record('Row', { id: t.uuid(), name: t.text() })

function plan(name: string, dag: string, partitions = 4, primaryKey: 'id' | 'name' = 'id') {
  const rows = topic('rows', { key: 'id', value: row, partitions })
  return compile(
    pipeline(name)
      .ingest(dag, { schedule: null, from: files({ path: 'a.ndjson', schema: row }), into: rows })
      .stream('store', { from: rows, into: table('k.rows', { row, primaryKey: [primaryKey] }) }),
  )
}

describe('pipelines of one target', () => {
  it('may share topics and tables, and have stages of one name', () => {
    expect(conflicts([plan('a', 'x'), plan('b', 'y')])).toEqual([])
  })

  it('may not share a name, a DAG, or a topic or table declared otherwise', () => {
    const found = conflicts([plan('a', 'x'), plan('b', 'x'), plan('b', 'y', 8, 'name')])
    expect(found.map(({ code, place, message }) => `${code} ${place}: ${message}`)).toEqual([
      'NAME_DUPLICATE b › DAG x: The DAG x is also declared by the pipeline a.',
      'NAME_DUPLICATE b › pipeline b: The pipeline b is also declared by the pipeline b.',
      'NAME_DUPLICATE b › topic rows: The topic rows is also declared by the pipeline a.',
      'NAME_DUPLICATE b › table k.rows: The table k.rows is also declared by the pipeline a.',
    ])
  })
})
