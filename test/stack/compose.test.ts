import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { parseContainers, projectName } from '../../src/stack/docker.ts'
import { engines } from '../../src/stack/engines.ts'

interface ComposeService {
  readonly image: string
  readonly ports?: readonly string[]
  readonly environment: { readonly [name: string]: string | number | null }
  readonly profiles?: readonly string[]
  readonly volumes?: readonly string[]
  readonly healthcheck: { readonly test: readonly string[] }
  readonly mem_limit?: string
  readonly depends_on?: { readonly [service: string]: { readonly condition: string } }
}

interface Compose {
  readonly services: { readonly [name: string]: ComposeService }
  readonly volumes: { readonly [name: string]: null }
}

/** `!override` tells Compose to replace and not to merge; it is no part of the value. */
const customTags = [
  { tag: '!override', collection: 'map' as const },
  { tag: '!override', collection: 'seq' as const },
]

function read(file: string): Compose {
  return parse(readFileSync(resolve(file), 'utf8'), { customTags, logLevel: 'error', maxAliasCount: 10 }) as Compose
}

const base = read('compose.yaml')
const zooKeeper = read('stack/compose.zookeeper.yaml')
const services = [...Object.entries(base.services), ...Object.entries(zooKeeper.services)]

describe('the compose files', () => {
  it('have the engines', () => {
    expect(Object.keys(base.services)).toEqual([
      ...['kafka', 'schema-registry', 'cassandra', 'spark'],
      ...['postgres', 'airflow', 'airflow-scheduler', 'airflow-dag-processor'],
    ])
    expect(Object.keys(zooKeeper.services)).toEqual(['zookeeper', 'kafka'])
  })

  it.each(services)('pin the version of the image of %s', (_, { image }) => {
    expect(image).toMatch(/^[a-z/-]+:\d+\.\d+(\.\d+)?$/)
  })

  it.each(services)('check the health of %s', (_, { healthcheck }) => {
    expect(['CMD', 'CMD-SHELL']).toContain(healthcheck.test[0])
  })

  it.each(Object.entries({ ...zooKeeper.services, ...base.services }))('limit the memory of %s', (_, { mem_limit }) => {
    expect(mem_limit).toMatch(/^\$\{[A-Z_]+_MEMORY:-\d+m\}$/)
  })

  it.each(services)('open ports of %s on this machine only', (_, { ports = [] }) => {
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\$\{[A-Z_]+_PORT:-\d+\}:\d+$/)
  })

  it('hold no secret', () => {
    const variables = services.flatMap(([, { environment }]) => Object.entries(environment))
    const secret = /PASSWORD$|SECRET|TOKEN$|_KEY$|CREDENTIAL|CONN$/i
    // Null is what the environment of Compose says.
    expect(variables.filter(([name, value]) => secret.test(name) && value !== null)).toEqual([])
  })

  it.each([
    ['compose.yaml', base],
    ['compose.zookeeper.yaml', zooKeeper],
  ])('%s names only volumes and services that there are', (_, compose) => {
    const volumes = Object.values(compose.services).flatMap(service => service.volumes ?? [])
    const used = new Set(volumes.filter(each => !each.startsWith('${')).map(each => each.split(':')[0]!))
    expect([...used].toSorted()).toEqual(Object.keys(compose.volumes).toSorted())
    const needed = Object.values(compose.services).flatMap(({ depends_on = {} }) => Object.keys(depends_on))
    for (const name of needed) expect(Object.keys(compose.services)).toContain(name)
  })

  it('give Kafka the settings it has natively', () => {
    const properties = readFileSync(resolve('stack/kafka/server.properties'), 'utf8').split('\n')
    const native = new Map(
      properties.filter(line => /^[a-z]/.test(line)).map(line => line.split('=') as [string, string]),
    )
    for (const [name, value] of Object.entries(base.services.kafka!.environment)) {
      const key = name.replace('KAFKA_', '').toLowerCase().replaceAll('_', '.')
      const same = /factor|isr|num\.partitions|timeout|interval|delay|auto\.create/.test(key)
      if (same) expect([key, native.get(key)]).toEqual([key, String(value)])
    }
  })
})

function settingOf(line: string): readonly [name: string, value: string] {
  const at = line.indexOf('=')
  return [line.slice(0, at), line.slice(at + 1)]
}

describe('the compose file', () => {
  it('gives Airflow the settings it has natively', () => {
    const lines = readFileSync(resolve('stack/airflow/airflow.env'), 'utf8').split('\n')
    const settings = lines.filter(line => line.startsWith('AIRFLOW__')).map(settingOf)
    // Where it is differs.
    const same = settings.filter(([name, value]) => !value.includes('{{') && name !== 'AIRFLOW__API__HOST')
    expect(same.length).toBeGreaterThan(15)
    for (const name of ['airflow', 'airflow-scheduler', 'airflow-dag-processor']) {
      const { environment } = base.services[name]!
      expect(same.map(([key]) => [key, String(environment[key])])).toEqual(same)
    }
  })

  it('has each secret of an engine, and nothing that is needed where they are not', () => {
    for (const [name, { secrets }] of Object.entries(engines)) {
      for (const { variable } of secrets) {
        const service = name === 'spark-standalone' ? 'spark' : name
        expect(base.services[service]!.environment).toHaveProperty(variable, null)
      }
    }
    // An interpolation that fails would fail for those who start other engines.
    expect(readFileSync(resolve('compose.yaml'), 'utf8')).not.toMatch(/(?<!\$)\$\{\w+:?\?/)
  })
})

describe('Docker', () => {
  it('has a project of its own for each directory', () => {
    expect(projectName('/a')).toMatch(/^millrace-[0-9a-f]{8}$/)
    expect(projectName('/a')).not.toBe(projectName('/b'))
  })

  it.each([
    [
      'a line each',
      '{"Service":"kafka","State":"running","Health":"healthy"}\n{"Service":"cassandra","State":"exited"}\n',
    ],
    ['a list', '[{"Service":"kafka","State":"running","Health":"healthy"},{"Service":"cassandra","State":"exited"}]'],
  ])('tells the state of containers as %s', (_, text) => {
    expect([...parseContainers(text)]).toEqual([
      ['kafka', 'running (healthy)'],
      ['cassandra', 'exited'],
    ])
    expect(parseContainers('')).toEqual(new Map())
  })
})
