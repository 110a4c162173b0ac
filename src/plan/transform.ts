import { fieldsOf, nodeOf } from '../sdk/expressions.ts'
import type { ExpressionNode, RecordNode, SelectNode } from '../sdk/nodes.ts'
import { expectation } from '../sdk/parse.ts'
import type { StageDeclaration } from '../sdk/pipeline.ts'
import { adapt, split, typeOf, unfit } from './expression-types.ts'
import type { Faults } from './faults.ts'
import { suggest } from './near.ts'
import type { MapPlan } from './plan.ts'

export interface TransformPlan {
  readonly where: ExpressionNode | null
  readonly select: SelectNode | null
  readonly map: MapPlan | null
}

/** A stage's `where`, `select` and `map` as nodes, checked against the record read and the record or row written. */
export function planTransform(
  stage: StageDeclaration,
  input: RecordNode,
  output: RecordNode,
  place: string,
  faults: Faults,
): TransformPlan {
  const where = planWhere(stage, input, `${place} › where`, faults)
  if (stage.select !== null && stage.map !== null) {
    faults.add(
      place,
      'PIPELINE_INVALID',
      'The stage has both select and map.',
      'Keep one; map can do all that select does.',
    )
  }
  if (stage.map !== null) return { where, select: null, map: { place: stage.place } }
  if (stage.select !== null)
    return { where, select: planSelect(stage, input, output, `${place} › select`, faults), map: null }
  checkPassThrough(input, output, place, faults)
  return { where, select: null, map: null }
}

function planWhere(stage: StageDeclaration, input: RecordNode, place: string, faults: Faults): ExpressionNode | null {
  const { where } = stage
  if (where === null) return null
  return faults.try(place, () => {
    const node = nodeOf(where(fieldsOf(input) as never))
    const { type } = typeOf(node, input)
    if (type !== null && type.kind !== 'boolean') {
      const message = `It is ${expectation(type)}, and true or false is needed.`
      faults.add(place, 'TYPE_MISMATCH', message, 'Compare it with something, such as eq(record.status, "paid").')
    }
    return node
  })
}

function planSelect(
  stage: StageDeclaration,
  input: RecordNode,
  output: RecordNode,
  place: string,
  faults: Faults,
): SelectNode | null {
  const selected = faults.try(place, () => stage.select!(fieldsOf(input) as never))
  if (selected === null) return null
  const names = output.fields.map(({ name }) => name)
  for (const name of Object.keys(selected)) {
    if (!names.includes(name)) {
      faults.add(`${place}.${name}`, 'FIELD_UNKNOWN', `${output.name} has no field ${name}.`, suggest(name, names))
    }
  }
  return output.fields.flatMap(({ name, type }) => {
    const at = `${place}.${name}`
    if (!Object.hasOwn(selected, name)) {
      const fix = split(type).nullable ? 'Select it, or give it as null.' : `Select it: it needs ${expectation(type)}.`
      faults.add(at, 'FIELD_MISSING', `${output.name} has the field ${name}, which is not selected.`, fix)
      return []
    }
    const value = faults.try(at, () => {
      const node = adapt(nodeOf(selected[name]), type)
      const fault = unfit(typeOf(node, input), type)
      if (fault !== null) faults.add(at, 'TYPE_MISMATCH', `${name} does not fit: ${fault.reason}.`, fault.fix)
      return node
    })
    return value === null ? [] : [{ name, value }]
  })
}

/** Without select or map, every field of the output must be there under its own name. */
function checkPassThrough(input: RecordNode, output: RecordNode, place: string, faults: Faults): void {
  for (const { name, type } of output.fields) {
    const field = input.fields.find(each => each.name === name)
    if (field === undefined) {
      const message = `${output.name} has the field ${name}, and ${input.name} has not.`
      faults.add(place, 'FIELD_MISSING', message, 'Add a select that says where each field comes from.')
      continue
    }
    const fault = unfit(split(field.type), type)
    if (fault === null) continue
    const fix = 'Add a select that says what each field becomes, or declare both with one type.'
    faults.add(place, 'TYPE_MISMATCH', `${name} does not fit: ${fault.reason}.`, fix)
  }
}
