import fc from 'fast-check'
import { createEncoder } from '../../../src/engine/codec.ts'
import type { StreamDeclaration } from '../../../src/engine/stream-batch.ts'
import { avroSchema } from '../../../src/plan/avro.ts'
import { family, split, typeOf } from '../../../src/plan/expression-types.ts'
import type { ColumnPlan, TopicPlan } from '../../../src/plan/plan.ts'
import type { LogRecord } from '../../../src/ports/log.ts'
import type { ExpressionNode, FieldNode, RecordNode, SelectNode, TypeNode } from '../../../src/sdk/nodes.ts'
import { logRecord } from './parity.ts'
import { anyExpression, everything, recordsOf } from './random-expressions.ts'

/** A stage and what is in its topic. */
export interface DeclarationWithRecords {
  readonly declaration: StreamDeclaration
  readonly log: readonly LogRecord[]
}

export function topicOf(value: RecordNode, key: string): TopicPlan {
  return {
    ...{
      name: 'records',
      key,
      value,
      subject: 'records-value',
      avro: avroSchema(value),
      partitions: 1,
      replication: 1,
    },
    ...{ retentionMs: 1_000, maxRecordBytes: 1_000_000, deadLetterTopic: 'records.dlq' },
  }
}

/** Names that are words of SQL, or differ from another only in case. */
const fieldNames = [
  'select',
  'Select',
  'value',
  'key',
  'decoded',
  'from',
  'order',
  'f',
  'F',
  'null',
  'headers',
  '_code',
]

const scalar: fc.Arbitrary<TypeNode> = fc.oneof(
  fc.constantFrom<TypeNode[]>(
    ...(['text', 'uuid', 'boolean', 'int', 'long', 'double', 'timestamp'] as const).map(kind => ({ kind })),
    { kind: 'enum', name: 'E', symbols: ['A', 'B'] },
  ),
  fc
    .tuple(fc.integer({ min: 1, max: 38 }), fc.nat({ max: 38 }))
    .map(([precision, scale]): TypeNode => ({ kind: 'decimal', precision, scale: Math.min(precision, scale) })),
)

const optional = (type: fc.Arbitrary<TypeNode>): fc.Arbitrary<TypeNode> =>
  fc.oneof(
    type,
    type.map((of): TypeNode => ({ kind: 'optional', of })),
  )

const nested = (name: string, fields: fc.Arbitrary<TypeNode>): fc.Arbitrary<TypeNode> =>
  fc
    .uniqueArray(fc.tuple(fc.constantFrom(...fieldNames), fields), {
      minLength: 1,
      maxLength: 3,
      selector: ([name]) => name,
    })
    .map(drawn => ({ kind: 'record', name, fields: drawn.map(([name, type]) => ({ name, type })) }))

/** Records of any shape, with a UUID and a number to key them by. */
const shape: fc.Arbitrary<RecordNode> = fc
  .uniqueArray(
    fc.tuple(
      fc.constantFrom(...fieldNames),
      fc.oneof(
        { weight: 3, arbitrary: optional(scalar) },
        { weight: 1, arbitrary: optional(nested('Inner', optional(nested('Innermost', optional(scalar))))) },
        { weight: 1, arbitrary: scalar.map((of): TypeNode => ({ kind: 'array', of })) },
      ),
    ),
    { minLength: 1, maxLength: 6, selector: ([name]) => name },
  )
  .map(drawn => {
    const keys: FieldNode[] = [
      { name: 'id', type: { kind: 'uuid' } },
      { name: 'small', type: { kind: 'int' } },
    ]
    // In one schema a name is one type.
    const fields = drawn.map(([name, type], index) => ({ name, type: renamed(type, `T${index}`) }))
    return { kind: 'record', name: 'Shape', fields: [...keys, ...fields] }
  })

function renamed(type: TypeNode, prefix: string): TypeNode {
  switch (type.kind) {
    case 'optional':
    case 'array':
      return { ...type, of: renamed(type.of, prefix) }
    case 'enum':
      return { ...type, name: `${prefix}${type.name}` }
    case 'record': {
      const fields = type.fields.map(({ name, type }, index) => ({ name, type: renamed(type, `${prefix}_${index}`) }))
      return { ...type, name: `${prefix}${type.name}`, fields }
    }
    default:
      return type
  }
}

/** Every field that a column can hold, nested ones too. */
function leaves(type: RecordNode, path: readonly string[] = []): readonly ExpressionNode[] {
  return type.fields.flatMap(field => {
    const { type } = split(field.type)
    const at = [...path, field.name]
    if (type.kind === 'record') return leaves(type, at)
    return type.kind === 'array' ? [] : [{ kind: 'field', path: at }]
  })
}

const where: fc.Arbitrary<ExpressionNode | null> = fc.oneof(
  fc.constant(null),
  anyExpression.filter(node => typeOf(node, everything.node).type?.kind === 'boolean'),
)

/** Stages with any expressions over `everything`, and with all fields of records of any shape. */
export function anyDeclaration(records: number): fc.Arbitrary<DeclarationWithRecords> {
  const computed = fc.record({
    value: fc.constant(everything.node),
    where,
    select: fc.array(anyExpression, { minLength: 1, maxLength: 6 }),
  })
  const passed = shape.map(value => ({ value, where: null, select: leaves(value) }))
  return fc
    .tuple(fc.oneof(computed, passed), fc.constantFrom('id', 'small'), fc.boolean())
    .chain(([{ value, where, select }, key, keyIsPrimary]) => {
      const topic = topicOf(value, key)
      const declaration = stageOf(topic, where, select, keyIsPrimary)
      return logOf(topic, records).map(log => ({ declaration, log }))
    })
}

function stageOf(
  topic: TopicPlan,
  where: ExpressionNode | null,
  values: readonly ExpressionNode[],
  keyIsPrimary: boolean,
): StreamDeclaration {
  const computed = values.filter(node => {
    const { type } = typeOf(node, topic.value)
    return type !== null && family(type) !== null
  })
  const select: SelectNode = [
    { name: 'primary', value: { kind: 'field', path: [topic.key] } },
    ...computed.map((value, index) => ({ name: `c${index}`, value })),
  ]
  const columns = select.map(({ name, value }): ColumnPlan => {
    const { type, nullable } = typeOf(value, topic.value)
    return { name, type: type!, nullable }
  })
  const table = {
    keyspace: 'k',
    name: 't',
    columns,
    primaryKey: keyIsPrimary ? ['primary'] : ['primary', 'c0'],
    appendOnly: false,
  }
  const stage = { kind: 'stream', name: 's', pipeline: 'p', group: 'p.s', from: topic.name, into: 'k.t' } as const
  return { stage: { ...stage, where, select, map: null }, topic, table, map: null }
}

/** Mostly records, and among them deletes of good and of bad keys, and bytes that are no record. */
function logOf(topic: TopicPlan, count: number): fc.Arbitrary<readonly LogRecord[]> {
  const encoder = createEncoder({ node: topic.value, avro: topic.avro, schemaId: 1 })
  const value = fc.oneof(
    { weight: 8, arbitrary: recordsOf(topic.value).map(record => Buffer.from(encoder.encode(record))) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }).map(bytes => Buffer.from([0, 0, 0, 0, 1, ...bytes])) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }).map(bytes => Buffer.from([1, ...bytes])) },
    { weight: 2, arbitrary: fc.constant(null) },
  )
  const key = fc.option(fc.constantFrom('0', '5', '-7', '05', '-0', '1e3', ' 5', '5\n', '2147483647', 'no number', ''))
  return fc
    .array(fc.tuple(key, value), { minLength: count, maxLength: count })
    .map(drawn => drawn.map(([key, value], offset) => logRecord(offset, key === null ? null : Buffer.from(key), value)))
}
