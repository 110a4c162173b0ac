import {
  type AvroEnum,
  type AvroField,
  type AvroNamed,
  type AvroRecord,
  type AvroType,
  splitName,
} from './avro-schema.ts'

/** Avro's own names of what makes a schema unable to read another. */
export type AvroFaultKind =
  | 'NAME_MISMATCH'
  | 'FIXED_SIZE_MISMATCH'
  | 'MISSING_ENUM_SYMBOLS'
  | 'READER_FIELD_MISSING_DEFAULT_VALUE'
  | 'TYPE_MISMATCH'
  | 'MISSING_UNION_BRANCH'

export interface AvroFault {
  readonly kind: AvroFaultKind
  /** JSON pointer into the reader's schema, with a writer's union branch as its index; the root is `/`. */
  readonly path: string
  readonly reason: string
}

/**
 * Every reason why data written with `writer` may not be readable with `reader`; empty when it always is.
 *
 * Follows schema resolution of the Avro 1.12 specification as Java's `SchemaCompatibility` decides it, so that the
 * verdict is the one of the registries built on it: record, enum and fixed names are compared without namespace,
 * aliases with it, and logical types are ignored, decimal's precision and scale among them.
 */
export function readingFaults(reader: AvroType, writer: AvroType): readonly AvroFault[] {
  return new Comparison().compare(reader, writer, '')
}

/** The writer's types that a reader's type takes in, besides its own. */
const promotions: { readonly [reader: string]: readonly string[] } = {
  long: ['int'],
  float: ['int', 'long'],
  double: ['int', 'long', 'float'],
  bytes: ['string'],
  string: ['bytes'],
}

class Comparison {
  readonly #known = new Map<AvroType, Map<AvroType, readonly AvroFault[]>>()

  compare(reader: AvroType, writer: AvroType, path: string): readonly AvroFault[] {
    let ofReader = this.#known.get(reader)
    if (ofReader === undefined) {
      ofReader = new Map()
      this.#known.set(reader, ofReader)
    }
    const known = ofReader.get(writer)
    if (known !== undefined) return known
    // A pair met again inside itself is readable unless something else shows that it is not.
    ofReader.set(writer, [])
    const faults = this.#resolve(reader, writer, path)
    ofReader.set(writer, faults)
    return faults
  }

  #resolve(reader: AvroType, writer: AvroType, path: string): readonly AvroFault[] {
    if (writer.kind === 'union') return this.#writerUnion(reader, writer.branches, path)
    if (reader.kind === 'union') return this.#readerUnion(reader.branches, writer, path)
    if (reader.kind === 'array' && writer.kind === 'array') {
      return this.compare(reader.items, writer.items, `${path}/items`)
    }
    if (reader.kind === 'map' && writer.kind === 'map') {
      return this.compare(reader.values, writer.values, `${path}/values`)
    }
    if (reader.kind === 'record' && writer.kind === 'record') {
      return [...nameFaults(reader, writer, path), ...this.#fields(reader, writer, path)]
    }
    if (reader.kind === 'enum' && writer.kind === 'enum') {
      return [...nameFaults(reader, writer, path), ...symbolFaults(reader, writer, path)]
    }
    if (reader.kind === 'fixed' && writer.kind === 'fixed') {
      const faults = nameFaults(reader, writer, path)
      if (reader.size === writer.size) return faults
      const reason = `${reader.name} holds ${reader.size} bytes, the writer's ${writer.size}.`
      return [...faults, fault('FIXED_SIZE_MISMATCH', `${path}/size`, reason)]
    }
    if (reader.kind === writer.kind || promotions[reader.kind]?.includes(writer.kind)) return []
    return [fault('TYPE_MISMATCH', path, `The writer's ${describe(writer)} cannot be read as ${describe(reader)}.`)]
  }

  #writerUnion(reader: AvroType, branches: readonly AvroType[], path: string): readonly AvroFault[] {
    const faults = branches.flatMap((branch, index) => {
      const place = `${path}/${index}`
      return reader.kind === 'union'
        ? this.#readerUnion(reader.branches, branch, place)
        : this.compare(reader, branch, place)
    })
    return [...new Set(faults)]
  }

  #readerUnion(branches: readonly AvroType[], writer: AvroType, path: string): readonly AvroFault[] {
    let closest: readonly AvroFault[] = []
    for (const branch of branches) {
      const faults = this.compare(branch, writer, path)
      if (faults.length === 0) return []
      if (branch.kind === writer.kind) closest = faults
    }
    const why = closest.map(({ path, reason }) => ` ${path}: ${reason}`).join('')
    return [
      fault('MISSING_UNION_BRANCH', path, `No branch of the union can read the writer's ${describe(writer)}.${why}`),
    ]
  }

  #fields(reader: AvroRecord, writer: AvroRecord, path: string): readonly AvroFault[] {
    const faults = reader.fields.flatMap((field, index) => {
      const place = `${path}/fields/${index}`
      const written = writerFields(field, writer)
      if (written.length > 1) {
        const names = written.map(({ name }) => name).join(' and ')
        return [fault('NAME_MISMATCH', `${place}/aliases`, `Field ${field.name} matches ${names} of the writer.`)]
      }
      if (written[0] !== undefined) return this.compare(field.type, written[0].type, `${place}/type`)
      if (field.default !== undefined) return []
      const reason = `Field ${field.name} is missing in the writer's ${writer.name} and has no default.`
      return [fault('READER_FIELD_MISSING_DEFAULT_VALUE', place, reason)]
    })
    return [...new Set(faults)]
  }
}

/** The writer's fields that a reader's field means, by its name or its aliases. */
function writerFields(field: AvroField, writer: AvroRecord): readonly AvroField[] {
  return writer.fields.filter(({ name }) => name === field.name || field.aliases.includes(name))
}

function nameFaults(reader: AvroNamed, writer: AvroNamed, path: string): readonly AvroFault[] {
  const same = splitName(reader.name).simple === splitName(writer.name).simple
  if (same || reader.aliases.includes(writer.name)) return []
  const reason = `${reader.name} is called ${writer.name} by the writer, which is none of its aliases.`
  return [fault('NAME_MISMATCH', `${path}/name`, reason)]
}

function symbolFaults(reader: AvroEnum, writer: AvroEnum, path: string): readonly AvroFault[] {
  const missing = writer.symbols.filter(symbol => !reader.symbols.includes(symbol))
  if (missing.length === 0 || reader.default !== null) return []
  const reason = `${reader.name} lacks ${missing.join(', ')} and has no default.`
  return [fault('MISSING_ENUM_SYMBOLS', `${path}/symbols`, reason)]
}

function describe(type: AvroType): string {
  return 'name' in type ? `${type.kind} ${type.name}` : type.kind
}

function fault(kind: AvroFaultKind, path: string, reason: string): AvroFault {
  return { kind, path: path === '' ? '/' : path, reason }
}
