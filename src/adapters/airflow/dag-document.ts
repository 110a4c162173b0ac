import type { DagPlan } from '../../plan/plan.ts'

/** What `apply` wrote into Airflow, as Airflow gives it back. */
export interface DeployedDag {
  readonly plan: DagPlan
  /**
   * ISO 8601: the first interval of a DAG with catchup but no start date, from the first deploy on. Null for all others.
   */
  readonly begins: string | null
  /** The pipeline no longer declares it. */
  readonly removed: boolean
}

/** Of a whole file; two files of one digest are one. */
export interface DagDocument extends DeployedDag {
  readonly digest: string
}

const fence = '```'

/**
 * What Airflow shows as the DAG's documentation. It ends with the plan as JSON: the only place where Airflow keeps what it has
 * parsed word for word and gives it back over its API, so that `plan` and `apply` see what is deployed.
 */
export function writeDocument({ plan, removed, begins, digest }: DagDocument): string {
  const { stage } = plan.task
  return [
    removed
      ? `The pipeline \`${plan.pipeline}\` no longer declares this DAG: it was paused, and its runs are kept.`
      : `Each run is one run of the ingest stage \`${stage}\`, declared in the pipeline \`${plan.pipeline}\`.`,
    'Written by `millrace apply`: change the pipeline file, not this DAG.',
    `${fence}json\n${JSON.stringify({ millrace: { digest, removed, begins, plan } }, null, 2)}\n${fence}`,
  ].join('\n\n')
}

/** Null for a DAG that is not ours. */
export function readDocument(text: string | null): DagDocument | null {
  const json = /```json\n([\s\S]*)\n```\s*$/.exec(text ?? '')?.[1]
  if (json === undefined) return null
  try {
    const { millrace } = JSON.parse(json) as { millrace?: DagDocument }
    return millrace?.plan === undefined ? null : millrace
  } catch {
    return null
  }
}
