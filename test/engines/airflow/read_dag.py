"""Reads the DAG file that is its argument, as Airflow does, and prints as JSON what is in it and what its task would run."""

import json
import os
import runpy
import subprocess
import sys
from datetime import datetime, timezone
from types import SimpleNamespace

from airflow.sdk import DAG
from jinja2 import Environment, StrictUndefined

dag = next(each for each in runpy.run_path(sys.argv[1]).values() if isinstance(each, DAG))
task = dag.tasks[0]


def told(attempt, max_tries, logical_date):
    """The words that the task program is started with, by the shell that Airflow uses."""
    start = datetime(2026, 3, 1, tzinfo=timezone.utc)
    run = SimpleNamespace(
        run_after=datetime(2026, 3, 5, 6, 7, 8, 9, tzinfo=timezone.utc),
        logical_date=logical_date and start,
        data_interval_start=logical_date and start,
        data_interval_end=logical_date and datetime(2026, 3, 2, tzinfo=timezone.utc),
    )
    ti = SimpleNamespace(try_number=attempt, max_tries=max_tries)
    line = Environment(undefined=StrictUndefined).from_string(task.bash_command)
    script = line.render(dag_run=run, ti=ti, task=task)
    env = os.environ | {"AIRFLOW_CTX_DAG_RUN_ID": "it's \"$HOME\"; {{ x }}", "AIRFLOW_CTX_TRY_NUMBER": str(attempt)}
    return json.loads(subprocess.run(["bash", "-c", script], env=env, check=True, capture_output=True).stdout)


found = {
    "id": dag.dag_id,
    "document": dag.doc_md,
    "schedule": getattr(dag.timetable, "expression", None),
    "start": dag.start_date and dag.start_date.isoformat(),
    "catchup": dag.catchup,
    "tags": sorted(dag.tags),
    "task": task.task_id,
    "retries": task.retries,
    "timeout": task.execution_timeout.total_seconds(),
    "first": told(1, task.retries, True),
    "second": told(2, task.retries, False),
    "cleared": told(2, task.retries + 1, True),
}
print(json.dumps(found))
