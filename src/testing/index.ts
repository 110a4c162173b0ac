/** Conformance suites and test tools: for those who write an adapter, and for our own tests. Needs no test runner. */
export type { ConformanceCase } from './conformance.ts'
export { type LogFixture, logConformance } from './log-conformance.ts'
export {
  type DagScript,
  type OrchestratorFixture,
  orchestratorConformance,
  type ScriptedExit,
} from './orchestrator-conformance.ts'
export { type ProcessorFixture, processorConformance } from './processor-conformance.ts'
export { type SchemaRegistryFixture, schemaRegistryConformance } from './schema-registry-conformance.ts'
export { seededRandom } from './seeded-random.ts'
export { type SourceFixture, sourceConformance } from './source-conformance.ts'
export { type TableFixture, tableConformance } from './table-conformance.ts'
export { type VirtualClock, type VirtualClockOptions, virtualClock } from './virtual-clock.ts'
