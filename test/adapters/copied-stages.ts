import { createEncoder } from '../../src/engine/codec.ts'
import { applyPlan } from '../../src/engine/deploy.ts'
import { type Plan, stageId, type TablePlan, type TopicPlan, tableId } from '../../src/plan/plan.ts'
import type { Log } from '../../src/ports/log.ts'
import type { SchemaRegistry } from '../../src/ports/schema-registry.ts'
import type { TableStore } from '../../src/ports/table.ts'
import type { Target } from '../../src/targets.ts'
import type { ProcessorFixture } from '../../src/testing/processor-conformance.ts'

/** Stages for a processor's suite, applied: `first`, `second`, and `broken`, whose table is not there yet. */
export class CopiedStages implements Pick<ProcessorFixture, 'stages' | 'broken' | 'append'> {
  readonly stages: readonly [string, string]
  readonly broken: ProcessorFixture['broken']
  readonly #plan: Plan
  readonly #log: Log
  readonly #registry: SchemaRegistry

  private constructor(plan: Plan, log: Log, registry: SchemaRegistry, tables: TableStore) {
    const [first, second, broken] = plan.stages.map(stageId) as [string, string, string]
    this.stages = [first, second]
    this.#plan = plan
    this.#log = log
    this.#registry = registry
    this.broken = { stage: broken, mend: () => tables.admin.create(this.tableOf(broken)) }
  }

  static async apply(plan: Plan, target: Target): Promise<CopiedStages> {
    const [log, registry, tables] = [await target.log(), await target.registry(), await target.tables()]
    const stages = new CopiedStages(plan, log, registry, tables)
    const broken = stages.tableOf(stages.broken.stage)
    const applied = { ...plan, tables: plan.tables.filter(table => table !== broken) }
    await applyPlan(applied, { log, registry, tables, orchestrator: await target.orchestrator() })
    return stages
  }

  tableOf(stage: string): TablePlan {
    return this.#plan.tables.find(each => tableId(each) === this.#find(stage).into)!
  }

  readonly append = async (stage: string, keys: readonly (string | null)[]): Promise<void> => {
    const topic = this.#plan.topics.find(({ name }) => name === this.#find(stage).from)!
    const encode = await this.#encoder(topic)
    const producer = await this.#log.producer(`test.${stage}`)
    const toRecord = (id: string | null) => ({
      topic: topic.name,
      key: Buffer.from(id ?? 'undecodable'),
      value: id === null ? Buffer.from('not Avro') : encode(id),
    })
    await producer.append(keys.map(toRecord))
    await producer.close()
  }

  async #encoder({ subject, avro, value }: TopicPlan): Promise<(id: string) => Buffer> {
    const { id: schemaId } = (await this.#registry.lookup(subject, avro))!
    const encoder = createEncoder({ node: value, avro, schemaId })
    return id => encoder.encode({ id })
  }

  #find(name: string) {
    const stage = this.#plan.stages.find(each => stageId(each) === name)
    if (stage?.kind !== 'stream') throw new Error(`No stream stage ${name}.`)
    return stage
  }
}
