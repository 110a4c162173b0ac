import type { RecordNode, TypeNode } from '../sdk/nodes.ts'
import type { IngestDeclaration } from '../sdk/pipeline.ts'
import { parseDuration, parseSize } from '../sdk/quantities.ts'
import type { Table } from '../sdk/table.ts'
import { parseTimestamp } from '../sdk/timestamp.ts'
import type { Topic } from '../sdk/topic.ts'
import { avroSchema } from './avro.ts'
import { type Family, family, split } from './expression-types.ts'
import type { Faults } from './faults.ts'
import { checkColumnName, checkName, checkTopicName, splitTableName } from './names.ts'
import { suggest } from './near.ts'
import type { ColumnPlan, DagPlan, TablePlan, TopicPlan } from './plan.ts'
import { parseSchedule } from './schedule.ts'

/** What a topic compiles to. Faults are kept, and the plan is then not used. */
export function planTopic(topic: Topic<unknown>, place: string, faults: Faults): TopicPlan {
  const value = topic.value.node
  faults.try(place, () => checkTopicName(topic.name))
  checkKey(topic, `${place} › key`, faults)
  checkNamedTypes(value, `${place} › value`, faults)
  checkWhole(topic.partitions, 1, 1000, `${place} › partitions`, faults)
  checkWhole(topic.replication, 1, 15, `${place} › replication`, faults)
  return {
    name: topic.name,
    key: topic.key,
    value,
    subject: `${topic.name}-value`,
    avro: avroSchema(value),
    partitions: topic.partitions,
    replication: topic.replication,
    retentionMs: faults.try(`${place} › retention`, () => parseDuration(topic.retention)) ?? 0,
    maxRecordBytes: faults.try(`${place} › maxRecordBytes`, () => parseSize(topic.maxRecordBytes)) ?? 0,
    deadLetterTopic: `${topic.name}.dlq`,
  }
}

function checkKey(topic: Topic<unknown>, place: string, faults: Faults): void {
  const value = topic.value.node
  const field = value.fields.find(({ name }) => name === topic.key)
  if (field === undefined) {
    const fix = suggest(topic.key, fieldNames(value))
    faults.add(place, 'FIELD_UNKNOWN', `${value.name} has no field ${topic.key}.`, fix)
    return
  }
  if (!['text', 'uuid', 'enum', 'int', 'long'].includes(field.type.kind)) {
    const message = `${topic.key} is ${field.type.kind}, which cannot be a key.`
    faults.add(place, 'TYPE_MISMATCH', message, 'Use a field that is text, uuid, enum, int or long, and not optional.')
  }
}

/** In Avro two types of one schema cannot share a name unless they are the same type. */
function checkNamedTypes(root: TypeNode, place: string, faults: Faults): void {
  const seen = new Map<string, string>()
  const visit = (node: TypeNode): void => {
    if (node.kind === 'optional' || node.kind === 'array') visit(node.of)
    if (node.kind !== 'record' && node.kind !== 'enum') return
    const definition = JSON.stringify(node)
    if ((seen.get(node.name) ?? definition) !== definition) {
      faults.add(place, 'NAME_DUPLICATE', `Two different types are named ${node.name}.`, 'Rename one of them.')
    }
    seen.set(node.name, definition)
    if (node.kind === 'record') for (const field of node.fields) visit(field.type)
  }
  visit(root)
}

/** What a table compiles to. */
export function planTable(table: Table<unknown>, place: string, faults: Faults): TablePlan {
  const row = table.row.node
  const name = faults.try(place, () => splitTableName(table.name)) ?? { keyspace: '', name: table.name }
  const columns = row.fields.flatMap(field => planColumn(field, `${place} › row.${field.name}`, faults))
  const lowerCase = new Map<string, string>()
  for (const column of columns) {
    const other = lowerCase.get(column.name.toLowerCase())
    if (other !== undefined) {
      const message = `The columns ${other} and ${column.name} differ only in case.`
      faults.add(`${place} › row`, 'NAME_DUPLICATE', message, 'Rename one; databases ignore the case of a column.')
    }
    lowerCase.set(column.name.toLowerCase(), column.name)
  }
  checkPrimaryKey(table.primaryKey, row, columns, `${place} › primaryKey`, faults)
  return { ...name, columns, primaryKey: [...table.primaryKey], appendOnly: table.appendOnly }
}

function planColumn(field: RecordNode['fields'][number], place: string, faults: Faults): readonly ColumnPlan[] {
  faults.try(place, () => checkColumnName(field.name))
  const { type, nullable } = split(field.type)
  if (family(type) !== null) return [{ name: field.name, type, nullable }]
  const message = `${field.name} is ${type.kind === 'record' ? 'a record' : 'an array'}, which cannot be a column.`
  const fix =
    type.kind === 'record'
      ? `Give the row a column for each of its fields that matters, and select them: ${type.fields[0]!.name}: record.${field.name}.${type.fields[0]!.name}.`
      : 'Leave it out of the row, or turn it into text in map().'
  faults.add(place, 'TYPE_MISMATCH', message, fix)
  return []
}

const keyFamilies: readonly (Family | null)[] = ['text', 'number', 'decimal', 'boolean', 'timestamp']

function checkPrimaryKey(
  primaryKey: readonly string[],
  row: RecordNode,
  columns: readonly ColumnPlan[],
  place: string,
  faults: Faults,
): void {
  if (primaryKey.length === 0) {
    faults.add(place, 'PIPELINE_INVALID', 'The primary key is empty.', 'Name the columns that identify a row.')
  }
  for (const [i, name] of primaryKey.entries()) {
    const column = columns.find(each => each.name === name)
    if (primaryKey.indexOf(name) < i) {
      faults.add(place, 'NAME_DUPLICATE', `The primary key has ${name} twice.`, 'Name it once.')
    } else if (!fieldNames(row).includes(name)) {
      faults.add(place, 'FIELD_UNKNOWN', `The row has no column ${name}.`, suggest(name, fieldNames(row)))
    } else if (column?.nullable) {
      faults.add(
        place,
        'TYPE_MISMATCH',
        `${name} is optional, so it cannot be in the primary key.`,
        'Make it required.',
      )
    } else if (column?.type.kind === 'double' || (column && !keyFamilies.includes(family(column.type)))) {
      faults.add(
        place,
        'TYPE_MISMATCH',
        `${name} is a double, which does not compare exactly.`,
        'Use a decimal or long.',
      )
    }
  }
}

const fiveMinutes = 5 * 60_000
const anHour = 60 * 60_000

/** What the schedule of an ingest stage compiles to, and how long one run streams. */
export function planDag(
  pipeline: string,
  stage: IngestDeclaration,
  place: string,
  faults: Faults,
): { readonly dag: DagPlan; readonly durationMs: number | null } {
  faults.try(`${place} › task`, () => checkName(stage.task, 'a task'))
  const { schedule, duration, timeout } = stage
  const cron = schedule === null ? null : faults.try(`${place} › schedule`, () => parseSchedule(schedule))
  const durationMs = duration === null ? null : faults.try(`${place} › duration`, () => parseDuration(duration))
  const least = durationMs === null ? 0 : durationMs
  const timeoutMs =
    timeout === null
      ? durationMs === null
        ? anHour
        : durationMs + fiveMinutes
      : (faults.try(`${place} › timeout`, () => parseDuration(timeout)) ?? anHour)
  if (timeoutMs < least) {
    const message = `An attempt would be ended after ${timeout}, before its ${duration} are over.`
    faults.add(`${place} › timeout`, 'DURATION_INVALID', message, 'Give a timeout longer than the duration.')
  }
  checkWhole(stage.attempts, 1, 100, `${place} › attempts`, faults)
  return {
    durationMs,
    dag: {
      id: stage.name,
      pipeline,
      schedule: cron,
      scheduleText: schedule,
      catchup: stage.catchup,
      startDate: planStartDate(stage, `${place} › startDate`, faults),
      task: {
        id: stage.task,
        stage: `${pipeline}/${stage.name}`,
        attempts: stage.attempts,
        retryDelayMs: faults.try(`${place} › retryDelay`, () => parseDuration(stage.retryDelay)) ?? 0,
        timeoutMs,
      },
    },
  }
}

function planStartDate({ startDate }: IngestDeclaration, place: string, faults: Faults): string | null {
  if (startDate === null) return null
  const date = parseTimestamp(startDate)
  if (date !== undefined) return date.toISOString()
  const message = `${JSON.stringify(startDate)} is not a time.`
  faults.add(place, 'SCHEDULE_INVALID', message, 'Write ISO 8601 with an offset, such as 2026-03-01T00:00:00Z.')
  return null
}

function checkWhole(value: number, least: number, most: number, place: string, faults: Faults): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  const fix = `Give a whole number from ${least} to ${most}.`
  faults.add(place, 'PIPELINE_INVALID', `${value} is out of range.`, fix)
}

function fieldNames(record: RecordNode): readonly string[] {
  return record.fields.map(({ name }) => name)
}
