import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import * as testing from '../../src/testing/index.ts'

const root = resolve(import.meta.dirname, '../..')

describe('millrace/testing', () => {
  it('has a suite for each port, and each suite has rules of its own', () => {
    const suites = Object.entries(testing).filter(([name]) => name.endsWith('Conformance'))
    expect(suites.map(([name]) => name).sort()).toEqual([
      'logConformance',
      'orchestratorConformance',
      'processorConformance',
      'schemaRegistryConformance',
      'sourceConformance',
      'tableConformance',
    ])
    const never = () => Promise.reject(new Error('opened before its check runs'))
    for (const [, suite] of suites) {
      const rules = (suite as typeof testing.logConformance)(never).map(({ rule }) => rule)
      expect(rules.length).toBeGreaterThan(5)
      expect(new Set(rules).size).toBe(rules.length)
    }
  })

  it('is found by its package name and loads no test runner and no engine of a port', async () => {
    const script = `
      import { registerHooks } from 'node:module'
      const loaded = []
      registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
      const names = Object.keys(await import('millrace/testing')).sort()
      console.log(JSON.stringify({ names, loaded }))
    `
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: root,
    })
    const { names, loaded } = JSON.parse(stdout) as { names: string[]; loaded: string[] }
    expect(names).toEqual(Object.keys(testing).sort())
    expect(loaded.length).toBeGreaterThan(10)
    expect(loaded.filter(url => /node_modules|vitest|node:test|adapters\/(embedded|http|files)/.test(url))).toEqual([])
  })
})
