import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { chooseJava, findJavas } from '../../src/stack/java.ts'
import { temporaryDirectory } from '../support.ts'

function installJava(home: string, release: string): string {
  mkdirSync(join(home, 'bin'), { recursive: true })
  writeFileSync(join(home, 'bin/java'), '')
  writeFileSync(join(home, 'release'), release)
  return home
}

describe('finding Java', () => {
  it('reads the version of the one in JAVA_HOME, which comes first, and of those on PATH', () => {
    const directory = temporaryDirectory()
    const first = installJava(join(directory, 'first'), 'IMPLEMENTOR="x"\nJAVA_VERSION="21.0.4"\n')
    const second = installJava(join(directory, 'second'), 'JAVA_VERSION="1.8.0_402"\n')
    const javas = findJavas({ JAVA_HOME: first, PATH: join(second, 'bin') })
    expect(javas.slice(0, 2)).toEqual([
      { home: first, version: 21 },
      { home: second, version: 8 },
    ])
  })

  it('leaves out what has no program or does not say its version', () => {
    const directory = temporaryDirectory()
    const home = installJava(join(directory, 'java'), 'nothing')
    expect(findJavas({ JAVA_HOME: home, PATH: '' }).map(java => java.home)).not.toContain(home)
    expect(findJavas({ JAVA_HOME: directory, PATH: '' }).map(java => java.home)).not.toContain(directory)
  })
})

describe('choosing Java', () => {
  const javas = [
    { home: '/a', version: 8 },
    { home: '/b', version: 17 },
    { home: '/c', version: 25 },
  ]

  it.each([
    [{ from: 17, to: null, best: 21 }, '/b'],
    [{ from: 21, to: null, best: 21 }, '/c'],
    [{ from: 11, to: 17, best: 17 }, '/b'],
  ])('takes the first that fits %j', (versions, home) => {
    expect(chooseJava(javas, versions, 'It').home).toBe(home)
  })

  it('says what is needed, what there is and what to install', () => {
    expect(() => chooseJava(javas, { from: 11, to: 16, best: 16 }, 'Cassandra')).toThrow(
      expect.objectContaining({
        code: 'ENGINE_MISSING',
        message: 'Cassandra needs Java 11 to 16; this machine has 8 (/a), 17 (/b), 25 (/c).',
        fix: 'Install a JDK 16, or set JAVA_HOME to one.',
      }),
    )
    expect(() => chooseJava([], { from: 21, to: null, best: 21 }, 'The registry')).toThrow(
      'The registry needs Java 21 or newer; this machine has no Java.',
    )
  })
})
