import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inflateRawSync } from 'node:zlib'
import { load, type Options, type PackageDefinition } from '@grpc/proto-loader'
import { describe, expect, it } from 'vitest'
import { engines } from '../../../src/stack/engines.ts'
import { temporaryDirectory } from '../../support.ts'

/** Of a message or an enum, as google/protobuf/descriptor.proto has it. */
interface Descriptor {
  readonly name: string
  readonly field?: readonly Part[]
  readonly value?: readonly Part[]
  readonly nestedType?: readonly Descriptor[]
  readonly enumType?: readonly Descriptor[]
}

interface Part {
  readonly name: string
}

/** The files of an archive whose names end so. */
function unzip(archive: Buffer, ending: string): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>()
  const end = archive.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  let entry = archive.readUInt32LE(end + 16)
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    const [nameLength, extra, comment] = [28, 30, 32].map(at => archive.readUInt16LE(entry + at)) as [
      number,
      number,
      number,
    ]
    const name = archive.toString('utf8', entry + 46, entry + 46 + nameLength)
    const size = archive.readUInt32LE(entry + 20)
    const local = archive.readUInt32LE(entry + 42)
    const from = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28)
    if (name.endsWith(ending)) files.set(name, inflateRawSync(archive.subarray(from, from + size)))
    entry += 46 + nameLength + extra + comment
  }
  return files
}

async function ofSpark(options: Options): Promise<PackageDefinition> {
  const { signal } = new AbortController()
  const { spark } = engines
  const { files } = await spark.runtime.install(spark, { env: process.env, signal, onDownload: () => {} })
  const jars = join(files, 'jars')
  const jar = readdirSync(jars).find(name => name.startsWith('spark-connect_'))!
  const directory = temporaryDirectory()
  for (const [name, text] of unzip(readFileSync(join(jars, jar)), '.proto')) {
    if (!name.startsWith('spark/connect/')) continue
    mkdirSync(join(directory, dirname(name)), { recursive: true })
    writeFileSync(join(directory, name), text)
  }
  return load('spark/connect/base.proto', { ...options, includeDirs: [directory] })
}

describe('the protocol', () => {
  it('is part of Spark’s own: each message, field, number and type', async () => {
    const options = { keepCase: true }
    const ours = await load(join(import.meta.dirname, '../../../proto/spark-connect.proto'), options)
    const theirs = await ofSpark(options)
    const [parts, known] = [ours, theirs].map(each => new Map(partsOf(each)))
    expect(parts!.size).toBeGreaterThan(250)
    for (const [path, part] of parts!) expect(known!.get(path), path).toEqual(part)
    const calls = (each: PackageDefinition) => each['spark.connect.SparkConnectService'] as object
    expect(Object.keys(calls(theirs))).toEqual(expect.arrayContaining(Object.keys(calls(ours))))
  })
})

/** Fields and values by their full names. */
function partsOf(definition: PackageDefinition): readonly (readonly [string, object])[] {
  const types = Object.entries(definition).flatMap(([name, each]) =>
    name.startsWith('spark.connect.') && 'type' in each ? [each.type as Descriptor] : [],
  )
  return types.flatMap(type => partsIn(type, type.name))
}

function partsIn(
  { field = [], value = [], nestedType = [], enumType = [] }: Descriptor,
  path: string,
): readonly (readonly [string, object])[] {
  return [
    ...[...field, ...value].map(part => [`${path}.${part.name}`, comparable(part)] as const),
    ...[...nestedType, ...enumType].flatMap(type => partsIn(type, `${path}.${type.name}`)),
  ]
}

/** Without what shortening changes: where a field's oneof stands among others, and options that tell compilers something. */
function comparable(part: Part): object {
  return { ...part, oneofIndex: 0, options: null }
}
