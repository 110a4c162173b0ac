import { createHash } from 'node:crypto'
import { type DeployedDag, writeDocument } from './dag-document.ts'
import type { TaskProgram } from './settings.ts'

export interface DagFile {
  /** In the folder of DAG files. */
  readonly name: string
  readonly text: string
  /** Of all of it but itself: which version of the file Airflow has parsed. */
  readonly digest: string
}

/** The first line of every file that is ours to overwrite. */
export const firstLine = '# Written by `millrace apply`, which overwrites it: change the pipeline file instead.'

/** The Python file of a DAG; the same DAG and program give the same text. */
export function dagFile(dag: DeployedDag, program: TaskProgram): DagFile {
  const write = (digest: string) => dagText(dag, program, writeDocument({ ...dag, digest }))
  const digest = createHash('sha256').update(write('')).digest('hex').slice(0, 16)
  return { name: `millrace_${dag.plan.id}.py`, text: write(digest), digest }
}

/** The exit code of a task program whose failure no further attempt can change. */
const neverExitCode = 2

function dagText({ plan, begins }: DeployedDag, program: TaskProgram, document: string): string {
  const { task } = plan
  const start = plan.startDate ?? begins
  const schedule =
    plan.schedule === null ? 'None' : `CronDataIntervalTimetable(${python(plan.schedule)}, timezone="UTC")`
  return `${firstLine}
# The stage ${task.stage}.
from datetime import datetime, timedelta
from functools import cached_property

from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, CronDataIntervalTimetable
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException


class StageLog:
    """Gives what a stage logs its level: each line begins with it."""

    def __init__(self, log):
        self.log = log

    def info(self, message, *values):
        line = message % values if values else message
        level = {"warn": "warning", "error": "error"}.get(line.partition(" ")[0], "info")
        getattr(self.log, level)("%s", line)

    def __getattr__(self, name):
        return getattr(self.log, name)


class StageHook(SubprocessHook):
    @property
    def log(self):
        return StageLog(super().log)


class Stage(BashOperator):
    """Runs a stage. Exit code ${neverExitCode} says that no further attempt can succeed, so none is made."""

    @cached_property
    def subprocess_hook(self):
        return StageHook()

    def execute(self, context):
        try:
            return super().execute(context)
        except AirflowSkipException as refused:
            raise AirflowFailException("The stage failed, and no further attempt can succeed.") from refused


with DAG(
    dag_id=${python(plan.id)},
    doc_md=(
${indented(
  8,
  document.split('\n').map(line => `${line}\n`),
)}
    ),
    schedule=${schedule},
    start_date=${start === null ? 'None' : dateTime(start)},
    catchup=${plan.catchup ? 'True' : 'False'},
    max_active_runs=1,
    is_paused_upon_creation=False,
    tags=${python(['millrace', plan.pipeline])},
) as dag:
    Stage(
        task_id=${python(task.id)},
        bash_command=(
${indented(
  12,
  command(task.stage, program).map(part => `${part} `),
)}
        ),
        skip_on_exit_code=${neverExitCode},
        retries=${task.attempts - 1},
        retry_delay=timedelta(milliseconds=${task.retryDelayMs}),
        retry_exponential_backoff=2.0,
        max_retry_delay=timedelta(hours=1),
        execution_timeout=timedelta(milliseconds=${task.timeoutMs}),
    )
`
}

/** Texts that Python puts together, a line each. */
function indented(columns: number, texts: readonly string[]): string {
  return texts.map(text => ' '.repeat(columns) + python(text)).join('\n')
}

/** As every Python that Airflow runs on reads it. */
function dateTime(iso: string): string {
  return `datetime.fromisoformat(${python(new Date(iso).toISOString().replace('Z', '+00:00'))})`
}

/** A JSON text of strings is also Python. */
function python(value: string | readonly string[]): string {
  return JSON.stringify(value)
}

/** Airflow fills in the templates and the variables, which BashOperator sets; a run id is whatever a user typed. */
const toldToTask = [
  '--run-id "$AIRFLOW_CTX_DAG_RUN_ID"',
  '--attempt "$AIRFLOW_CTX_TRY_NUMBER"',
  "{{ '--cleared' if ti.try_number > 1 and ti.try_number == ti.max_tries - task.retries + 1 else '' }}",
  '--logical-date {{ (dag_run.logical_date or dag_run.run_after).isoformat() }}',
  '--interval {{ (dag_run.data_interval_start or dag_run.run_after).isoformat() }}' +
    '/{{ (dag_run.data_interval_end or dag_run.run_after).isoformat() }}',
  '--with-parent',
]

/** Part by part. `exec`, so that a signal to the task reaches the program, and no shell stands between. */
function command(stage: string, { command, project, state, target }: TaskProgram): readonly string[] {
  const words = (...all: readonly string[]) => all.map(word => literal(shellWord(word))).join(' ')
  return [
    `exec ${words(...command)}`,
    words('run', stage),
    words('--project', project, '--state', state, '--target', target),
    ...toldToTask,
  ]
}

function shellWord(word: string): string {
  return /^[A-Za-z0-9_./:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/** Text that the template engine leaves as it is. */
function literal(text: string): string {
  return text.replace(/\{(?=[{%#])/g, "{{ '{' }}")
}
