import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const src = join(root, 'src')

/** Where a layer may import from, by the folders of `src`; a file directly in `src` is its own layer. */
const mayImport: { readonly [layer: string]: readonly string[] } = {
  sdk: ['sdk'],
  plan: ['plan', 'sdk'],
  ports: ['ports', 'plan', 'sdk'],
  engine: ['engine', 'ports', 'plan', 'sdk'],
  'adapters/system': ['adapters/system', 'ports', 'plan', 'sdk'],
  'adapters/airflow': ['adapters/airflow', 'adapters/system', 'ports', 'plan', 'sdk'],
  'adapters/embedded': ['adapters/embedded', 'adapters/system', 'ports', 'plan', 'sdk'],
  'adapters/http': ['adapters/http', 'adapters/system', 'ports', 'plan', 'sdk'],
  'adapters/cassandra': ['adapters/cassandra', 'adapters/system', 'ports', 'plan', 'sdk'],
  'adapters/files': ['adapters/files', 'adapters/system', 'ports', 'plan', 'sdk'],
  'adapters/schema-registry': ['adapters/schema-registry', 'adapters/system', 'ports', 'plan', 'sdk'],
  'adapters/spark': ['adapters/spark', 'adapters/system', 'ports', 'plan', 'sdk'],
  server: ['server', 'ports', 'plan', 'sdk'],
  'adapters/kafka': ['adapters/kafka', 'adapters/system', 'ports', 'plan', 'sdk'],
  testing: ['testing', 'engine', 'adapters/system', 'ports', 'plan', 'sdk'],
  stack: ['stack', 'sdk'],
  'index.ts': ['plan', 'sdk'],
  'project.ts': ['plan', 'sdk'],
  'targets.ts': [
    ...['adapters/system', 'adapters/embedded', 'adapters/http', 'adapters/files'],
    ...[
      'adapters/kafka',
      'adapters/schema-registry',
      'adapters/cassandra',
      'adapters/airflow',
      'adapters/spark',
      'ports',
    ],
    ...['plan', 'sdk'],
  ],
  'stages.ts': ['project.ts', 'engine', 'plan', 'sdk'],
  'run-stage.ts': ['targets.ts', 'engine', 'ports', 'plan', 'sdk'],
  'stage-thread.ts': ['project.ts', 'run-stage.ts', 'stages.ts', 'targets.ts', 'ports', 'plan', 'sdk'],
  cli: [
    ...['cli', 'project.ts', 'run-stage.ts', 'stage-thread.ts', 'stages.ts', 'targets.ts'],
    ...['server', 'engine', 'stack', 'ports', 'plan', 'sdk'],
  ],
}

interface Source {
  readonly path: string
  readonly text: string
  /** Relative imports, as paths from `src`. */
  readonly imports: readonly string[]
}

function readSources(): readonly Source[] {
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts'))
    .map(path => {
      const text = readFileSync(join(src, path), 'utf8')
      const specifiers = [...text.matchAll(/(?:from|import|import\()\s*'(\.[^']+)'/g)].map(match => match[1]!)
      const imports = specifiers.map(specifier => relative(src, resolve(src, dirname(path), specifier)))
      return { path: path.split(sep).join('/'), text, imports: imports.map(each => each.split(sep).join('/')) }
    })
}

function layerOf(path: string): string {
  const [first, second] = path.split('/')
  if (second === undefined) return path
  return first === 'adapters' ? `adapters/${second}` : first!
}

const sources = readSources()

describe('the structure', () => {
  it('imports only downwards', () => {
    const wrong = sources.flatMap(({ path, imports }) =>
      imports
        .filter(target => !mayImport[layerOf(path)]?.includes(layerOf(target)) && layerOf(target) !== layerOf(path))
        .map(target => `${path} imports ${target}`),
    )
    expect(wrong).toEqual([])
  })

  it('has a rule for every layer', () => {
    const layers = new Set(sources.map(({ path }) => layerOf(path)))
    expect([...layers].filter(layer => mayImport[layer] === undefined)).toEqual([])
  })

  it('imports no file in a circle', () => {
    const byPath = new Map(sources.map(source => [source.path, source.imports]))
    const done = new Set<string>()
    const circles: string[] = []
    const visit = (path: string, trail: readonly string[]) => {
      if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '))
      if (done.has(path) || trail.includes(path)) return
      for (const target of byPath.get(path) ?? []) visit(target, [...trail, path])
      done.add(path)
    }
    for (const { path } of sources) visit(path, [])
    expect(circles).toEqual([])
  })

  it('keeps files to one subject: none over 400 lines', () => {
    const long = sources.filter(({ text }) => text.split('\n').length > 401).map(({ path }) => path)
    expect(long).toEqual([])
  })

  it('exports by name and evaluates no text', () => {
    const wrong = sources.filter(({ text }) => /^export (\*|default)|\beval\(|new Function\(/m.test(text))
    expect(wrong.map(({ path }) => path)).toEqual([])
  })
})

describe('the package', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: object
    scripts: { start: string }
  }
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: { [path: string]: { dev?: boolean; hasInstallScript?: boolean; resolved?: string } }
  }
  const installed = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && !dev)

  it('stands on at most 12 packages at run time', () => {
    expect(Object.keys(manifest.dependencies).length).toBeLessThanOrEqual(12)
    expect(installed.length).toBeLessThanOrEqual(12)
  })

  it('runs no install script but that of node', () => {
    const scripts = installed.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path)
    expect(scripts).toEqual(['node_modules/node'])
  })

  it('starts with the same flags of V8 in every way', () => {
    const bin = readFileSync(join(root, 'bin/millrace.js'), 'utf8')
    const flags = bin
      .split('\n')[0]!
      .split(' ')
      .filter(word => word.startsWith('--'))
    expect(flags.length).toBeGreaterThan(0)
    expect(manifest.scripts.start).toBe(`node ${flags.join(' ')} bin/millrace.js dev`)
    expect(bin).toContain(`const flags = [${flags.map(flag => `'${flag}'`).join(', ')}]`)
  })

  it('names no registry', () => {
    expect(Object.values(lock.packages).filter(({ resolved }) => resolved?.startsWith('http'))).toEqual([])
  })
})
