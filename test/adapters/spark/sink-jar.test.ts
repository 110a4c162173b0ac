import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { sinkJar } from '../../../src/adapters/spark/sink-jar.ts'

describe('the Cassandra sink for Spark', () => {
  it('is a file, or the error says how to build it', () => {
    let path: string
    try {
      path = sinkJar()
    } catch (error) {
      expect(error).toMatchObject({ code: 'CONFIG_INVALID', fix: expect.stringContaining('npm run build:spark-sink') })
      return
    }
    expect(path).toMatch(/dist\/spark-sink\/millrace-spark-sink\.jar$/)
    expect(existsSync(path)).toBe(true)
  })
})
