import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { stackFile } from '../../src/stack/cache.ts'
import { engines } from '../../src/stack/engines.ts'
import { applySettings, fillTemplate } from '../../src/stack/template.ts'

describe('a template', () => {
  it('is filled in', () => {
    expect(fillTemplate('port={{port.client}} {{data}}', { 'port.client': 9092, data: '/d' })).toBe('port=9092 /d')
  })

  it('with a name that has no value is a fault of ours', () => {
    expect(() => fillTemplate('{{logs}}', {})).toThrow('The template needs logs.')
  })

  it('takes settings in place of its own, and others at its end', () => {
    const text = '# a=0\na=1\nb=2\n'
    expect(applySettings(text, { a: '3', c: '4' }, false)).toBe('# a=0\nb=2\na=3\nc=4\n')
    expect(applySettings(text, { a: null }, false)).toBe('# a=0\nb=2\n')
    expect(applySettings('a: 1\nb:\n  a: 2\n', { a: '3' }, true)).toBe('b:\n  a: 2\na: 3\n')
  })
})

describe('what is installed', () => {
  const folders = [...new Set(Object.values(engines).map(({ folder }) => folder))]
  const withPom = folders.filter(folder => existsSync(stackFile(folder, 'pom.xml')))

  it('is said by a pom.xml, or by what holds the digest of each file', () => {
    expect(folders.filter(folder => !withPom.includes(folder))).toEqual(['postgres', 'airflow'])
  })

  it.each(withPom)('of %s has fixed versions and no repository', folder => {
    const pom = readFileSync(stackFile(folder, 'pom.xml'), 'utf8')
    expect(pom).not.toMatch(/<repositor|SNAPSHOT|LATEST|RELEASE|\[/)
    expect(pom.match(/<artifactId>/g)!.length - 1).toBe(pom.match(/<version>\d/g)!.length - 1 + exclusions(pom))
  })

  it('of PostgreSQL has a digest for each package and no registry', () => {
    const lock = JSON.parse(readFileSync(stackFile('postgres', 'package-lock.json'), 'utf8')) as {
      readonly packages: { readonly [path: string]: { readonly integrity?: string; readonly resolved?: string } }
    }
    const packages = Object.entries(lock.packages).filter(([path]) => path !== '')
    expect(packages.length).toBeGreaterThan(0)
    for (const [, { integrity, resolved }] of packages) {
      expect(integrity).toMatch(/^sha512-/)
      expect(resolved).toBeUndefined()
    }
  })

  it.each(['requirements.txt', 'uv.txt'])('of Airflow has a digest for each line of %s and no index', name => {
    const text = readFileSync(stackFile('airflow', name), 'utf8')
    const pins = text.split(/\n(?=\S)/).filter(each => !each.startsWith('#'))
    expect(pins.length).toBeGreaterThan(0)
    for (const pin of pins) expect(pin).toMatch(/^[\w.-]+(\[[\w,-]+\])?==\S+ ?[^\n]*\\\n {4}--hash=sha256:/)
    expect(text).not.toMatch(/:\/\/|--(extra-)?index-url|--find-links/)
  })
})

describe.each(Object.values(engines))('$kind', engine => {
  it('has templates whose every value is known', () => {
    const ports = Object.fromEntries(Object.entries(engine.ports).map(([name, port]) => [`port.${name}`, port]))
    for (const name of engine.services.flatMap(({ templates }) => templates)) {
      expect(existsSync(stackFile(engine.folder, name))).toBe(true)
      const text = fillTemplate(readFileSync(stackFile(engine.folder, name), 'utf8'), {
        data: '/data',
        logs: '/logs',
        service: 'service',
        ...ports,
      })
      expect(text).not.toMatch(/\{\{|0\.0\.0\.0/)
      if (name.endsWith('.yaml')) expect(parse(text)).toMatchObject({ rpc_address: '127.0.0.1' })
    }
  })

  it('listens on each of its ports in one service', () => {
    expect(engine.services.flatMap(({ listens }) => listens).toSorted()).toEqual(Object.keys(engine.ports).toSorted())
  })
})

function exclusions(pom: string): number {
  return pom.match(/<artifactId>\*/g)?.length ?? 0
}
