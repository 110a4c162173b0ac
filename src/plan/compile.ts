import type { IngestDeclaration, Pipeline, StreamDeclaration } from '../sdk/pipeline.ts'
import type { Table } from '../sdk/table.ts'
import type { Topic } from '../sdk/topic.ts'
import { Faults, PlanInvalid } from './faults.ts'
import { lineageOf } from './lineage.ts'
import { checkName } from './names.ts'
import type { DagPlan, LineageEdge, Plan, StagePlan } from './plan.ts'
import { planDag, planTable, planTopic } from './resources.ts'
import { planTransform } from './transform.ts'

/** Stages of one pipeline. */
const maxStages = 100

/**
 * Compiles a declared pipeline to plain JSON. The same declaration always gives the same plan.
 * @throws PlanInvalid with every fault of the declaration, not only the first.
 */
export function compile(pipeline: Pipeline): Plan {
  const faults = new Faults()
  faults.try(pipeline.name, () => checkName(pipeline.name, 'a pipeline'))
  if (pipeline.stages.length === 0) {
    faults.add(pipeline.name, 'PIPELINE_INVALID', 'The pipeline has no stages.', 'Add .ingest(…) or .stream(…).')
  }
  if (pipeline.stages.length > maxStages) {
    const message = `The pipeline has ${pipeline.stages.length} stages, more than ${maxStages}.`
    faults.add(pipeline.name, 'PIPELINE_INVALID', message, 'Split it into several pipelines.')
  }

  const topics = new Map<string, Topic<unknown>>()
  const tables = new Map<string, Table<unknown>>()
  for (const stage of pipeline.stages) {
    const place = `${pipeline.name} › ${stage.name}`
    for (const end of [stage.from, stage.into]) {
      if (!('kind' in end)) continue
      if (end.kind === 'topic') declareOnce(topics, end, place, faults)
      else declareOnce(tables, end, place, faults)
    }
  }

  const names = new Set<string>()
  const dags: DagPlan[] = []
  const stages: StagePlan[] = []
  const lineage: LineageEdge[] = []
  for (const stage of pipeline.stages) {
    const place = `${pipeline.name} › ${stage.name}`
    faults.try(place, () => checkName(stage.name, 'a stage'))
    if (names.has(stage.name)) {
      faults.add(place, 'NAME_DUPLICATE', `Two stages are named ${stage.name}.`, 'Rename one of them.')
    }
    names.add(stage.name)
    const planned = stage.kind === 'ingest' ? planIngest(pipeline, stage, faults) : planStream(pipeline, stage, faults)
    if (planned.dag !== null) dags.push(planned.dag)
    stages.push(planned.stage)
    lineage.push(...planned.lineage)
  }

  const plan: Plan = {
    version: 1,
    pipeline: pipeline.name,
    topics: [...topics.values()].map(topic => planTopic(topic, `${pipeline.name} › topic ${topic.name}`, faults)),
    tables: [...tables.values()].map(table => planTable(table, `${pipeline.name} › table ${table.name}`, faults)),
    dags,
    stages,
    lineage,
  }
  for (const { name, deadLetterTopic } of plan.topics) {
    if (!topics.has(deadLetterTopic)) continue
    const message = `${deadLetterTopic} is where the dead letters of ${name} go, and is declared as a topic too.`
    faults.add(`${pipeline.name} › topic ${deadLetterTopic}`, 'NAME_DUPLICATE', message, 'Rename it.')
  }
  if (faults.all.length > 0) throw new PlanInvalid(pipeline.name, faults.all)
  return plan
}

interface PlannedStage {
  readonly stage: StagePlan
  readonly dag: DagPlan | null
  readonly lineage: readonly LineageEdge[]
}

function planIngest(pipeline: Pipeline, declared: IngestDeclaration, faults: Faults): PlannedStage {
  const { name, from, into } = declared
  const place = `${pipeline.name} › ${name}`
  const output = into.value.node
  const transform = planTransform(declared, from.schema.node, output, place, faults)
  const { dag, durationMs } = planDag(pipeline.name, declared, place, faults)
  return {
    stage: {
      kind: 'ingest',
      name,
      pipeline: pipeline.name,
      source: from.node,
      ...transform,
      into: into.name,
      durationMs,
    },
    dag,
    lineage: lineageOf(dag.task.stage, from.node.name, into.name, transform, output),
  }
}

function planStream(pipeline: Pipeline, declared: StreamDeclaration, faults: Faults): PlannedStage {
  const { name, from, into } = declared
  const output = into.row.node
  const transform = planTransform(declared, from.value.node, output, `${pipeline.name} › ${name}`, faults)
  return {
    stage: {
      kind: 'stream',
      name,
      pipeline: pipeline.name,
      group: `${pipeline.name}.${name}`,
      from: from.name,
      ...transform,
      into: into.name,
    },
    dag: null,
    lineage: lineageOf(`${pipeline.name}/${name}`, from.name, into.name, transform, output),
  }
}

/** The same topic or table may be used by several stages, but declared only one way. */
function declareOnce<D extends Topic<unknown> | Table<unknown>>(
  known: Map<string, D>,
  declared: D,
  place: string,
  faults: Faults,
): void {
  const other = known.get(declared.name)
  if (other === undefined) known.set(declared.name, declared)
  else if (other !== declared && JSON.stringify(other) !== JSON.stringify(declared)) {
    const message = `The ${declared.kind} ${declared.name} is declared twice, in different ways.`
    faults.add(place, 'NAME_DUPLICATE', message, 'Declare it once, in a file of its own, and import it.')
  }
}
