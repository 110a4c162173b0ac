import { type Deployed, type DeployedSubject, diff, type Step } from '../plan/diff.ts'
import { type Plan, type TopicPlan, tableId } from '../plan/plan.ts'
import { tableChange } from '../plan/table-change.ts'
import { deadLetterTopicSettings, topicSettings } from '../plan/topic-settings.ts'
import type { Log } from '../ports/log.ts'
import type { Dag, Orchestrator } from '../ports/orchestrator.ts'
import type { SchemaRegistry } from '../ports/schema-registry.ts'
import type { TableStore } from '../ports/table.ts'
import { MillraceError } from '../sdk/errors.ts'

export interface DeployPorts {
  readonly log: Log
  readonly registry: SchemaRegistry
  readonly tables: TableStore
  readonly orchestrator: Orchestrator
}

/** Reads what of a plan is there now. Changes nothing. */
export async function readDeployed(plan: Plan, ports: DeployPorts): Promise<Deployed> {
  const [data, dags] = await Promise.all([readData(plan, ports), readDags(plan, ports.orchestrator)])
  return { ...data, dags }
}

/** All that a stage reads and writes: everything but the DAGs. */
export async function readData(plan: Plan, ports: Omit<DeployPorts, 'orchestrator'>): Promise<Deployed> {
  const names = plan.topics.flatMap(topic => [topic.name, topic.deadLetterTopic])
  const topics = await Promise.all(names.map(name => ports.log.admin.topic(name)))
  const subjects = await Promise.all(plan.topics.map(topic => readSubject(topic, ports.registry)))
  const tables = await Promise.all(plan.tables.map(table => ports.tables.admin.describe(table)))
  return {
    topics: topics.filter(topic => topic !== null),
    subjects: subjects.filter(subject => subject !== null),
    tables: tables.filter(table => table !== null),
    dags: [],
  }
}

/** Null if the subject does not exist. */
async function readSubject({ subject, avro }: TopicPlan, registry: SchemaRegistry): Promise<DeployedSubject | null> {
  try {
    await registry.versions(subject)
  } catch (thrown) {
    if (thrown instanceof MillraceError && thrown.code === 'SUBJECT_UNKNOWN') return null
    throw thrown
  }
  const registered = (await registry.lookup(subject, avro)) !== null
  return { subject, registered, incompatibilities: registered ? [] : await registry.check(subject, avro) }
}

async function readDags(plan: Plan, { admin }: Orchestrator): Promise<readonly Dag[]> {
  const dags: Dag[] = []
  for (let after: string | null | undefined; after !== null; ) {
    const page = await admin.dags(after === undefined ? {} : { after })
    dags.push(...page.items)
    after = page.next
  }
  return dags.filter(dag => dag.plan.pipeline === plan.pipeline || plan.dags.some(({ id }) => id === dag.plan.id))
}

/**
 * Makes what is deployed what is planned, and returns what was done. Applying a plan twice changes nothing (G8); after a
 * failure half-way, applying it again does the rest.
 * @throws MillraceError `PLAN_INCOMPATIBLE` before anything was changed, if some of it cannot become what is planned.
 */
export async function applyPlan(plan: Plan, ports: DeployPorts): Promise<readonly Step[]> {
  const deployed = await readDeployed(plan, ports)
  const steps = diff(plan, deployed)
  const refusals = steps.flatMap(({ error }) => error ?? [])
  if (refusals.length === 1) throw refusals[0]
  if (refusals.length > 1) {
    throw new MillraceError('PLAN_INCOMPATIBLE', refusals.map(({ message }) => message).join('\n'), {
      place: plan.pipeline,
      fix: 'Run `millrace plan` for each of them.',
    })
  }
  for (const step of steps) if (step.action !== 'keep' && step.kind !== 'dag') await take(step, plan, deployed, ports)
  await ports.orchestrator.deploy(plan.pipeline, plan.dags)
  return steps
}

async function take(step: Step, plan: Plan, deployed: Deployed, { log, registry, tables }: DeployPorts): Promise<void> {
  switch (step.kind) {
    case 'topic':
    case 'dead-letter topic': {
      const settings = plan.topics.flatMap(topic => [topicSettings(topic), deadLetterTopicSettings(topic)])
      const spec = settings.find(({ name }) => name === step.name)!
      return step.action === 'create' ? log.admin.createTopic(spec) : log.admin.alterTopic(spec)
    }
    case 'subject': {
      const topic = plan.topics.find(({ subject }) => subject === step.name)!
      await registry.register(topic.subject, topic.avro)
      return
    }
    case 'table': {
      const table = plan.tables.find(each => tableId(each) === step.name)!
      const now = deployed.tables.find(each => tableId(each) === step.name)
      if (now === undefined) return tables.admin.create(table)
      return tables.admin.addColumns(table, tableChange(table, now).added)
    }
    case 'dag':
    case 'stage':
      return
  }
}
