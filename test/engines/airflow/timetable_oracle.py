"""Answers, for each line of JSON on standard input, what Airflow's own timetable schedules next.

A case is {cron, now, earliest, catchup, last: {start, end} | null, backfill: {from, to}}, all times in milliseconds
since 1970 UTC. The answer is {next: {start, end} | null, within: [{start, end}, ...]} or {error}.
"""

import json
import sys
from unittest.mock import patch

import pendulum
from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable


def time(milliseconds):
    return None if milliseconds is None else pendulum.from_timestamp(milliseconds / 1000)


def interval(found):
    return {"start": round(found.start.timestamp() * 1000), "end": round(found.end.timestamp() * 1000)}


def answer(case):
    timetable = CronDataIntervalTimetable(case["cron"], "UTC")
    last = case["last"] and DataInterval(start=time(case["last"]["start"]), end=time(case["last"]["end"]))
    restriction = TimeRestriction(earliest=time(case["earliest"]), latest=None, catchup=case["catchup"])
    with patch("airflow.timetables.interval.utcnow", lambda: time(case["now"])):
        info = timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
    return {
        "next": info and interval(info.data_interval),
        "within": within(timetable, time(case["backfill"]["from"]), time(case["backfill"]["to"])),
    }


def within(timetable, first, last):
    """The intervals that Airflow's backfill walks over: `iter_dagrun_infos_between` of its DAG."""
    restriction = TimeRestriction(earliest=first, latest=last, catchup=True)
    found, previous = [], None
    while True:
        info = timetable.next_dagrun_info(last_automated_data_interval=previous, restriction=restriction)
        if info is None or info.logical_date > last:
            return found
        previous = info.data_interval
        found.append(interval(previous))


for line in sys.stdin:
    try:
        print(json.dumps(answer(json.loads(line))))
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
