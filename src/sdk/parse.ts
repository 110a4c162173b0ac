import { parseDecimal } from './decimal.ts'
import type { RecordNode, TypeNode } from './nodes.ts'
import { parseTimestamp } from './timestamp.ts'

/** One reason why a value is not of a type. */
export interface Issue {
  /** From the value's top: field names and array indexes. */
  readonly path: readonly (string | number)[]
  /** Such as `text` or `a UUID`. */
  readonly expected: string
  /** What was there instead, abbreviated. */
  readonly found: string
}

export type ParseResult =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly Issue[] }

/** Issues reported for one value; further ones are not looked for. */
export const maxIssues = 10

/** Turns anything, usually parsed JSON, into a clean value of the type: known fields only, defaults in place. Never throws. */
export type Parser = (value: unknown) => ParseResult

export interface ParserOptions {
  /**
   * Fields that the type does not have. `drop` builds new objects without them. `keep` takes half the time: an object in which
   * nothing has to change is handed on as it is, so use it where nobody sees the others.
   */
  readonly unknownFields: 'drop' | 'keep'
}

/** Compiles a type once so that parsing many values is cheap. */
export function compileParser(node: TypeNode, { unknownFields }: ParserOptions = { unknownFields: 'drop' }): Parser {
  const parse = compile(node, unknownFields === 'keep' ? compileRecordCheck : compileRecord)
  return value => {
    const issues: Fault[] = []
    try {
      const parsed = parse(value, issues)
      return issues.length === 0 ? { value: parsed } : { issues }
    } catch {
      // Only a getter or a proxy can throw here; parsed JSON has neither.
      return { issues: [{ path: [], expected: expectation(node), found: 'a value that cannot be read' }] }
    }
  }
}

/** `location.street.number: expected a whole number of 32 bits, found "12b"`. */
export function formatIssue(issue: Issue): string {
  const expected = `expected ${issue.expected}, found ${issue.found}`
  return issue.path.length === 0 ? expected : `${formatPath(issue.path)}: ${expected}`
}

/** `items[3].price`. */
export function formatPath(path: readonly (string | number)[]): string {
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('')
}

interface Fault extends Issue {
  readonly path: (string | number)[]
}

/** Returns the clean value, or anything at all after adding to `issues`. */
type Parse = (value: unknown, issues: Fault[]) => unknown

type CompileRecord = (node: RecordNode) => Parse

function compile(node: TypeNode, record: CompileRecord): Parse {
  switch (node.kind) {
    case 'optional': {
      const parse = compile(node.of, record)
      return (value, issues) => (value === null || value === undefined ? null : parse(value, issues))
    }
    case 'record':
      return record(node)
    case 'array':
      return compileArray(compile(node.of, record))
    default: {
      const read = scalar(node)
      const expected = expectation(node)
      return (value, issues) => {
        const parsed = read(value)
        if (parsed === undefined) fault(issues, expected, value)
        return parsed
      }
    }
  }
}

type ScalarNode = Exclude<TypeNode, { kind: 'optional' | 'record' | 'array' }>

/** Gives undefined for a value that is not of the type. */
function scalar(node: ScalarNode): (value: unknown) => unknown {
  switch (node.kind) {
    case 'text': {
      const acceptNumbers = node.acceptNumbers === true
      return value => {
        // A lone surrogate has no UTF-8 form, so no log or table could keep it.
        if (typeof value === 'string') return value.isWellFormed() ? value : undefined
        return acceptNumbers && Number.isFinite(value) ? String(value) : undefined
      }
    }
    case 'uuid':
      return value => (typeof value === 'string' && uuid.test(value) ? value.toLowerCase() : undefined)
    case 'boolean':
      return value => (typeof value === 'boolean' ? value : undefined)
    case 'int':
      return value => (typeof value === 'number' && (value | 0) === value ? value | 0 : undefined)
    case 'long':
      // Adding 0 turns −0 into 0, as encoding it would.
      return value => (Number.isSafeInteger(value) ? (value as number) + 0 : undefined)
    case 'double':
      return value => (Number.isFinite(value) ? value : undefined)
    case 'decimal': {
      const { precision, scale } = node
      return value => parseDecimal(value, precision, scale)
    }
    case 'timestamp':
      return parseTimestamp
    case 'enum': {
      const symbols = new Set<unknown>(node.symbols)
      return value => (symbols.has(value) ? value : undefined)
    }
  }
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

interface Field {
  readonly name: string
  readonly parse: Parse
  readonly inherited: boolean
}

function fieldsOf(node: RecordNode, record: CompileRecord): readonly Field[] {
  return node.fields.map(({ name, type }) => ({
    name,
    parse: compile(type, record),
    inherited: name in Object.prototype,
  }))
}

/** A field may be called `constructor`; the one that every object inherits is not it. */
function read(object: object, { name, inherited }: Field): unknown {
  return inherited && !Object.hasOwn(object, name) ? undefined : (object as Record<string, unknown>)[name]
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Builds a new object with the known fields. */
function compileRecord(node: RecordNode): Parse {
  const fields = fieldsOf(node, compileRecord)
  return (value, issues) => {
    if (!isObject(value)) return fault(issues, 'an object', value)
    const record: Record<string, unknown> = {}
    for (const field of fields) {
      const before = issues.length
      record[field.name] = field.parse(read(value, field), issues)
      if (issues.length !== before) prefix(issues, before, field.name)
    }
    return record
  }
}

/** Copies an object only when a field of it has to change. */
function compileRecordCheck(node: RecordNode): Parse {
  const fields = fieldsOf(node, compileRecordCheck)
  return (value, issues) => {
    if (!isObject(value)) return fault(issues, 'an object', value)
    let record = value as Record<string, unknown>
    for (const field of fields) {
      const before = issues.length
      const found = read(value, field)
      const parsed = field.parse(found, issues)
      if (issues.length !== before) prefix(issues, before, field.name)
      else if (parsed !== found) {
        if (record === value) record = { ...record }
        record[field.name] = parsed
      }
    }
    return record
  }
}

function compileArray(parse: Parse): Parse {
  return (value, issues) => {
    if (!Array.isArray(value)) return fault(issues, 'an array', value)
    const items: unknown[] = []
    for (let i = 0; i < value.length && issues.length < maxIssues; i++) {
      const before = issues.length
      items.push(parse(value[i], issues))
      if (issues.length !== before) prefix(issues, before, i)
    }
    return items
  }
}

function fault(issues: Fault[], expected: string, value: unknown): undefined {
  if (issues.length < maxIssues) issues.push({ path: [], expected, found: describe(value) })
}

function prefix(issues: readonly Fault[], from: number, step: string | number): void {
  for (let i = from; i < issues.length; i++) issues[i]!.path.unshift(step)
}

/** What a type takes, in words. */
export function expectation(node: TypeNode): string {
  switch (node.kind) {
    case 'text':
      return node.acceptNumbers ? 'text or a number' : 'text'
    case 'uuid':
      return 'a UUID'
    case 'boolean':
      return 'true or false'
    case 'int':
      return 'a whole number of 32 bits'
    case 'long':
      return 'a whole number within ±(2^53 − 1)'
    case 'double':
      return 'a number'
    case 'decimal':
      return `a decimal of at most ${node.precision - node.scale} digits before the point and ${node.scale} after`
    case 'timestamp':
      return 'a time in ISO 8601 with an offset'
    case 'enum':
      return `one of ${abbreviate(node.symbols.join(', '), 80)}`
    case 'optional':
      return `${expectation(node.of)} or null`
    case 'array':
      return 'an array'
    case 'record':
      return 'an object'
  }
}

function describe(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'nothing'
    case 'string':
      return value.isWellFormed() ? JSON.stringify(abbreviate(value, 40)) : 'text that is not valid Unicode'
    case 'number':
    case 'boolean':
      return String(value)
    case 'object':
      if (value === null) return 'null'
      if (Array.isArray(value)) return `an array of ${value.length}`
      return value instanceof Date ? 'a Date' : 'an object'
    default:
      return `a ${typeof value}`
  }
}

function abbreviate(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}
