import type { DatabaseSync } from 'node:sqlite'
import { MillraceError } from '../../../sdk/errors.ts'
import { openDatabase, transaction } from '../database.ts'

const formatVersion = 1

/** Times are milliseconds since 1970 UTC; JSON is kept as text. */
const tables = `
  CREATE TABLE dags (
    id TEXT PRIMARY KEY,
    pipeline TEXT NOT NULL,
    plan TEXT NOT NULL,
    -- 'no', 'user', or 'removed': no longer in its pipeline's plan
    paused TEXT NOT NULL DEFAULT 'no',
    deployed_at INTEGER NOT NULL,
    -- the newest interval that was scheduled
    last_start INTEGER,
    last_end INTEGER
  ) STRICT;

  CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    dag TEXT NOT NULL REFERENCES dags (id),
    run_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',
    logical_date INTEGER NOT NULL,
    interval_start INTEGER NOT NULL,
    interval_end INTEGER NOT NULL,
    conf TEXT NOT NULL,
    note TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    -- attempts begun so far, and how many of them before the run was last cleared
    attempts INTEGER NOT NULL DEFAULT 0,
    attempts_before_clear INTEGER NOT NULL DEFAULT 0,
    -- of a running run between two attempts: when the next may begin
    due_at INTEGER,
    queued_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    UNIQUE (dag, run_id)
  ) STRICT;
  CREATE INDEX runs_by_dag ON runs (dag, id);
  CREATE INDEX runs_by_state ON runs (state, id);
  CREATE INDEX runs_by_logical_date ON runs (dag, logical_date);
  -- G9: whatever the clock does, an interval has one run.
  CREATE UNIQUE INDEX one_run_per_interval ON runs (dag, logical_date) WHERE kind <> 'manual';

  CREATE TABLE attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES runs (id),
    attempt INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',
    started_at INTEGER,
    ended_at INTEGER,
    result TEXT NOT NULL DEFAULT 'null',
    error TEXT,
    UNIQUE (run, attempt)
  ) STRICT;
  CREATE INDEX attempts_running ON attempts (state) WHERE state = 'running';

  CREATE TABLE log_lines (
    attempt INTEGER NOT NULL REFERENCES attempts (id),
    line INTEGER NOT NULL,
    at INTEGER NOT NULL,
    level TEXT NOT NULL,
    text TEXT NOT NULL,
    facts TEXT NOT NULL,
    PRIMARY KEY (attempt, line)
  ) STRICT, WITHOUT ROWID;

  -- Who acts: at most one row. The holder raises beat; a standby that sees it stand still takes over.
  CREATE TABLE lease (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    token TEXT NOT NULL,
    owner TEXT NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    beat INTEGER NOT NULL DEFAULT 0
  ) STRICT;
`

/** @throws MillraceError `STATE_VERSION` for a file of a newer format. */
export function openOrchestratorDatabase(path: string): DatabaseSync {
  const database = openDatabase(path, { checkpointPages: 1000 })
  try {
    if (formatOf(database) !== formatVersion) transaction(database, path, () => prepareTables(database, path))
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function prepareTables(database: DatabaseSync, path: string): void {
  const found = formatOf(database)
  if (found > formatVersion) {
    const message = `${path} has format ${found}; this version of Millrace reads up to ${formatVersion}.`
    throw new MillraceError('STATE_VERSION', message, { place: path, fix: 'Use the newer Millrace that wrote it.' })
  }
  // Another process may have created them between the first look and this transaction.
  if (found === 0) database.exec(`${tables} PRAGMA user_version = ${formatVersion}`)
}

function formatOf(database: DatabaseSync): number {
  return (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version
}
