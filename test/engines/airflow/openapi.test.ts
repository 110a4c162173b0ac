import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { answers } from '../../../src/adapters/airflow/answers.ts'
import { airflowPython } from './python.ts'

interface Property {
  readonly type?: string
  readonly $ref?: string
  readonly anyOf?: readonly Property[]
}

interface OpenApi {
  readonly components: {
    readonly schemas: {
      readonly [name: string]: {
        readonly type: string
        readonly properties: { readonly [field: string]: Property }
        readonly required: readonly string[]
      }
    }
  }
}

async function readOpenApi(): Promise<OpenApi> {
  const environment = dirname(dirname(await airflowPython()))
  const path = 'airflow/api_fastapi/core_api/openapi/v2-rest-api-generated.yaml'
  const libraries = join(environment, 'lib')
  const [python = ''] = readdirSync(libraries).filter(name => name.startsWith('python3'))
  return parse(readFileSync(join(libraries, python, 'site-packages', path), 'utf8')) as OpenApi
}

describe("what is read of Airflow's answers", () => {
  it('is what its OpenAPI file promises, nulls included', async () => {
    const { schemas } = (await readOpenApi()).components
    const kindOf = ({ type, $ref, anyOf }: Property): string => {
      if ($ref !== undefined) return schemas[$ref.split('/').at(-1)!]!.type
      if (anyOf === undefined) return type!
      const kinds = anyOf.map(kindOf)
      return kinds.filter(kind => kind !== 'null').join('|') + (kinds.includes('null') ? '?' : '')
    }
    for (const [name, fields] of Object.entries(answers)) {
      const schema = schemas[name]!
      const promised = Object.keys(fields).map(field => [field, kindOf(schema.properties[field]!)])
      expect({ name, fields: Object.fromEntries(promised) }).toEqual({ name, fields })
      expect(schema.required).toEqual(expect.arrayContaining(Object.keys(fields)))
    }
  })
})
