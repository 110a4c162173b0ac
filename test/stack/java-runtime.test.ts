import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cacheDirectory } from '../../src/stack/cache.ts'
import { type Artifact, fetchArtifact } from '../../src/stack/java-runtime.ts'
import { temporaryDirectory } from '../support.ts'

const kafka: Artifact = { title: 'Kafka 4.4.0', folder: 'kafka', goal: 'copy-dependencies' }

/** An empty cache, and a program called mvn that does `script`; `$out` is where it is to write. */
function maven(script: string) {
  const directory = temporaryDirectory()
  const program = join(directory, 'mvn')
  const find = 'for arg; do case $arg in -DoutputDirectory=*) out=`expr "$arg" : "[^=]*=\\(.*\\)"`;; esac; done'
  writeFileSync(program, `#!/bin/sh\necho called >> ${directory}/calls\n${find}\n${script}\n`)
  chmodSync(program, 0o755)
  const cache = join(directory, 'cache')
  return {
    cache,
    calls: () => readFileSync(join(directory, 'calls'), 'utf8').split('\n').length - 1,
    options: {
      env: { PATH: `${directory}${delimiter}${process.env.PATH}`, MILLRACE_CACHE: cache },
      javas: [{ home: '/java', version: 17 }],
      signal: new AbortController().signal,
      onDownload: () => {},
    },
  }
}

describe('the cache', () => {
  it.each([
    [{ MILLRACE_CACHE: '/c', XDG_CACHE_HOME: '/x' }, '/c'],
    [{ XDG_CACHE_HOME: '/x' }, '/x/millrace'],
  ])('with %j is %s', (env, path) => {
    expect(cacheDirectory(env)).toBe(path)
  })
})

describe('an engine’s files', () => {
  it('are downloaded once, also when two want them at the same time', async () => {
    const { options, calls } = maven('mkdir -p $out && echo jar > $out/kafka.jar')
    const directories = await Promise.all([fetchArtifact(kafka, options), fetchArtifact(kafka, options)])
    expect(directories[0]).toMatch(/\/cache\/kafka-[0-9a-f]{12}$/)
    expect(directories[1]).toBe(directories[0])
    expect(readdirSync(directories[0]!)).toEqual(['kafka.jar'])
    await fetchArtifact(kafka, options)
    expect(calls()).toBe(1)
  })

  it('do not appear when a download fails half-way', async () => {
    const { options, cache } = maven(
      'mkdir -p $out; echo half > $out/kafka.jar; echo "[ERROR] Cannot reach it"; exit 1',
    )
    await expect(fetchArtifact(kafka, options)).rejects.toMatchObject({
      code: 'ENGINE_DOWNLOAD',
      message: expect.stringContaining('Cannot reach it'),
      retry: 'later',
    })
    expect(readdirSync(cache)).toEqual(['lock.db'])
  })

  it('are downloaded anew where a download was killed', async () => {
    const { options, cache } = maven('mkdir -p $out && echo jar > $out/kafka.jar')
    mkdirSync(join(cache, 'partial-killed', 'files'), { recursive: true })
    await fetchArtifact(kafka, options)
    expect(existsSync(join(cache, 'partial-killed'))).toBe(false)
  })

  it('need Maven, and say so', async () => {
    const { options } = maven('')
    const env = { ...options.env, PATH: '/nowhere' }
    await expect(fetchArtifact(kafka, { ...options, env })).rejects.toMatchObject({
      code: 'ENGINE_MISSING',
      message: 'Maven (mvn) is needed to download Kafka 4.4.0, and is not installed.',
      fix: expect.stringContaining('apt install maven'),
    })
  })

  it('are given up when the command is interrupted', async () => {
    const abort = new AbortController()
    const { options, cache } = maven('exec sleep 60')
    const onDownload = () => setImmediate(() => abort.abort(new Error('Ctrl-C')))
    const fetching = fetchArtifact(kafka, { ...options, signal: abort.signal, onDownload })
    await expect(fetching).rejects.toThrow('Ctrl-C')
    expect(readdirSync(cache)).toEqual(['lock.db'])
  })
})
