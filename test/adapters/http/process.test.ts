import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { json, serve } from './server.ts'

describe('a process that has read a page', () => {
  it.each(['closes its source', 'stops reading early and closes'])('ends by itself once it %s', async how => {
    const server = await serve((_, response) => json(response, { results: [{ id: 1 }] }))
    onTestFinished(() => server.close())
    const script = `
      import { openHttpSource } from './src/adapters/http/http-source.ts'
      import { systemClock, systemRandom } from './src/adapters/system/clock.ts'
      import { http } from './src/sdk/sources/http.ts'
      import { t } from './src/sdk/types.ts'
      const { node } = http({
        url: '${server.url}', records: 'results', page: { kind: 'number', parameter: 'page' },
        schema: t.record('Row', { id: t.int() }),
      })
      const source = await openHttpSource(node, { clock: systemClock, random: systemRandom, env: {} })
      const pages = source.pages({ seed: 's' }, null, new AbortController().signal)
      await pages.next()
      ${how === 'closes its source' ? 'await pages.return()' : ''}
      await source.close()
      console.log('read')
    `
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      cwd: new URL('../../../', import.meta.url),
      timeout: 10_000,
    })
    expect(stdout).toBe('read\n')
  })
})
