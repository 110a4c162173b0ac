import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { openFilesSource } from '../../../src/adapters/files/files-source.ts'
import { files } from '../../../src/sdk/sources/files.ts'
import { t } from '../../../src/sdk/types.ts'
import { type SourceFixture, sourceConformance } from '../../../src/testing/source-conformance.ts'
import { temporaryDirectory } from '../../support.ts'
import { run } from '../http/server.ts'

describe('files', () => {
  for (const { rule, check } of sourceConformance(open)) it(rule, check)
})

async function open(): Promise<SourceFixture> {
  const directory = temporaryDirectory()
  for (const name of ['a', 'b']) {
    const lines = Array.from({ length: 3400 }, (_, i) => (i % 500 === 3 ? 'not JSON' : `{"id":"${name}${i}"}`))
    writeFileSync(join(directory, `${name}.ndjson`), lines.join('\n'))
  }
  const source = await openFilesSource(files({ path: '.', schema: t.record('Row', { id: t.text() }) }).node, {
    directory,
  })
  return { source, run, maxPageRecords: 1000, fetched: null, close: () => source.close() }
}
