/** Whether trying again can help: at once, after a pause, or not before something is changed. */
export type Retry = 'now' | 'later' | 'never'

/** Whether the failed operation is known to have had no effect, or may have had one. */
export type Outcome = 'failed' | 'unknown'

interface ErrorKind {
  readonly meaning: string
  readonly retry: Retry
}

/**
 * Every code an error of Millrace can carry. A code is never renamed or reused.
 * `docs/errors.md` is generated from this table; a test keeps the two equal.
 */
export const errorKinds = {
  // declaration and plan
  NAME_INVALID: { meaning: 'A name breaks the rules of the system it names something in.', retry: 'never' },
  NAME_DUPLICATE: { meaning: 'Two things of one kind have the same name.', retry: 'never' },
  FIELD_UNKNOWN: {
    meaning: 'An expression, key or column names a field that the record does not have.',
    retry: 'never',
  },
  FIELD_MISSING: { meaning: 'A field that must have a value has none.', retry: 'never' },
  TYPE_MISMATCH: { meaning: 'A value or expression has another type than the place it goes to.', retry: 'never' },
  TYPE_INVALID: { meaning: 'A type is declared with parameters that make no sense.', retry: 'never' },
  SCHEDULE_INVALID: { meaning: 'A schedule is neither a preset nor a valid cron expression.', retry: 'never' },
  DURATION_INVALID: { meaning: 'A duration, size or rate is not written as one.', retry: 'never' },
  PIPELINE_INVALID: { meaning: 'The pipeline file does not declare a pipeline that can run.', retry: 'never' },
  PLAN_INCOMPATIBLE: {
    meaning: 'What is deployed cannot be changed into what is declared without losing data.',
    retry: 'never',
  },
  PLAN_UNSUPPORTED: { meaning: 'The target cannot run this part of the declaration.', retry: 'never' },
  CONFIG_INVALID: {
    meaning: 'millrace.config.ts, an option or an environment variable is not usable.',
    retry: 'never',
  },
  NOT_FOUND: { meaning: 'Nothing of that name exists here.', retry: 'never' },

  // records
  RECORD_INVALID: { meaning: 'A record does not match the schema it is checked against.', retry: 'never' },
  RECORD_TOO_LARGE: { meaning: 'A record is larger than its topic accepts.', retry: 'never' },
  RECORD_UNDECODABLE: { meaning: 'The bytes of a record are not what its schema says.', retry: 'never' },
  RECORD_REJECTED: { meaning: 'The table can never store this row.', retry: 'never' },
  MAP_FAILED: { meaning: 'The function given to map() threw.', retry: 'never' },

  // source
  SOURCE_UNREACHABLE: { meaning: 'The source did not answer.', retry: 'later' },
  SOURCE_TIMEOUT: { meaning: 'The source took longer than allowed.', retry: 'later' },
  SOURCE_THROTTLED: { meaning: 'The source asked for fewer requests (429).', retry: 'later' },
  SOURCE_FAILED: { meaning: 'The source answered with a server error.', retry: 'later' },
  SOURCE_REFUSED: { meaning: 'The source refused the request (4xx).', retry: 'never' },
  SOURCE_MALFORMED: { meaning: 'The source answered with something other than the declared format.', retry: 'later' },
  SOURCE_PAGE_TOO_LARGE: { meaning: 'A page is larger than allowed.', retry: 'never' },
  SOURCE_FILE_UNREADABLE: { meaning: 'A file of the source cannot be read.', retry: 'never' },
  CURSOR_INVALID: { meaning: 'A cursor was not made by this source.', retry: 'never' },

  // log
  TOPIC_UNKNOWN: { meaning: 'The topic does not exist.', retry: 'never' },
  PRODUCER_FENCED: { meaning: 'A newer producer with the same id has taken over.', retry: 'never' },
  PARTITION_LOST: { meaning: 'The partition now belongs to another member of the group.', retry: 'never' },
  OFFSET_OUT_OF_RANGE: { meaning: 'Records the stage has not read yet were deleted by retention.', retry: 'never' },
  LOG_UNREACHABLE: { meaning: 'No broker of the log answered.', retry: 'later' },
  LOG_FAILED: { meaning: 'The log could not do what was asked, for a reason that may pass.', retry: 'later' },
  LOG_REFUSED: { meaning: 'The log does not accept this client, or not for this.', retry: 'never' },
  LOG_CORRUPT: { meaning: 'Stored records do not match their checksum.', retry: 'never' },

  // schema registry
  SUBJECT_UNKNOWN: { meaning: 'The registry has no such subject (Confluent 40401).', retry: 'never' },
  SCHEMA_VERSION_UNKNOWN: { meaning: 'The subject has no such version (Confluent 40402).', retry: 'never' },
  SCHEMA_UNKNOWN: { meaning: 'The registry has no such schema (Confluent 40403).', retry: 'never' },
  SCHEMA_INVALID: { meaning: 'The schema is not valid Avro (Confluent 42201).', retry: 'never' },
  SCHEMA_INCOMPATIBLE: {
    meaning: 'The schema breaks the compatibility level of its subject (Confluent 409).',
    retry: 'never',
  },
  COMPATIBILITY_INVALID: { meaning: 'Not one of the seven compatibility levels (Confluent 42203).', retry: 'never' },
  SUBJECT_NOT_SOFT_DELETED: {
    meaning: 'Only what was soft-deleted can be deleted for good (Confluent 40405, 40407).',
    retry: 'never',
  },
  SUBJECT_SOFT_DELETED: { meaning: 'It was soft-deleted before (Confluent 40404, 40406).', retry: 'never' },
  SCHEMA_REFERENCED: { meaning: 'Another schema refers to this one (Confluent 42206).', retry: 'never' },
  REGISTRY_UNREACHABLE: { meaning: 'The schema registry did not answer, or not in time.', retry: 'later' },
  REGISTRY_FAILED: {
    meaning: 'The schema registry answered with a server error, or asked for fewer requests (429).',
    retry: 'later',
  },
  REGISTRY_REFUSED: { meaning: 'The schema registry refused the request (4xx).', retry: 'never' },
  REGISTRY_MALFORMED: { meaning: 'What answered does not speak the API of a schema registry.', retry: 'later' },

  // table
  TABLE_UNKNOWN: { meaning: 'The table does not exist.', retry: 'never' },
  DATABASE_UNREACHABLE: { meaning: 'Too few nodes of the database answer.', retry: 'later' },
  DATABASE_TIMEOUT: {
    meaning: 'The database did not answer in time; it may have done what was asked.',
    retry: 'later',
  },
  DATABASE_OVERLOADED: { meaning: 'The database has more to do than it can.', retry: 'later' },
  DATABASE_FAILED: { meaning: 'The database could not do what was asked.', retry: 'later' },
  DATABASE_REFUSED: { meaning: 'The database refused the user, or what the user may not do.', retry: 'never' },
  QUERY_INVALID: { meaning: 'The query is not valid, or would change data.', retry: 'never' },

  // orchestrator
  DAG_UNKNOWN: { meaning: 'The orchestrator has no such DAG.', retry: 'never' },
  RUN_UNKNOWN: { meaning: 'The DAG has no such run.', retry: 'never' },
  RUN_EXISTS: { meaning: 'The DAG already has a run for this logical date.', retry: 'never' },
  RUN_STATE: { meaning: 'The run is in a state that does not allow this.', retry: 'never' },
  RUN_CANCELLED: { meaning: 'The run was cancelled.', retry: 'never' },
  TASK_TIMED_OUT: { meaning: 'An attempt took longer than its limit.', retry: 'later' },
  TASK_LOST: { meaning: 'The process that ran an attempt vanished.', retry: 'now' },
  ORCHESTRATOR_UNREACHABLE: { meaning: 'Airflow did not answer, or not in time.', retry: 'later' },
  ORCHESTRATOR_REFUSED: { meaning: 'Airflow refuses this client, a call or a DAG file.', retry: 'never' },
  ORCHESTRATOR_FAILED: { meaning: 'Airflow could not do what was asked, for a reason that may pass.', retry: 'later' },
  SCHEDULER_FENCED: { meaning: 'Another scheduler has taken over.', retry: 'never' },

  // processor and engine
  PROCESSOR_UNREACHABLE: { meaning: 'Spark did not answer, or not in time.', retry: 'later' },
  PROCESSOR_SESSION_LOST: {
    meaning: 'The session with Spark has ended: closed, expired, or gone with the server it was on.',
    retry: 'now',
  },
  PROCESSOR_REFUSED: { meaning: 'Spark refuses the query, its data, or this client.', retry: 'never' },
  PROCESSOR_FAILED: { meaning: 'Spark could not do what was asked, for a reason that may pass.', retry: 'later' },
  QUERY_CANCELLED: { meaning: 'The query was cancelled while it ran.', retry: 'never' },
  RESULT_TOO_LARGE: { meaning: 'The result of a query is larger than allowed.', retry: 'never' },
  STAGE_UNKNOWN: { meaning: 'The pipeline has no such stage.', retry: 'never' },
  STAGE_FAILED: { meaning: 'A stage stopped and will not go on by itself.', retry: 'never' },
  INVARIANT_BROKEN: { meaning: 'Millrace found itself in a state it rules out; please report it.', retry: 'never' },

  // state directory and machine
  STATE_IN_USE: { meaning: 'Another process uses the state directory.', retry: 'later' },
  STATE_READ_ONLY: { meaning: 'The state directory cannot be written.', retry: 'never' },
  STATE_VERSION: { meaning: 'The state directory was written by a newer version.', retry: 'never' },
  STATE_CORRUPT: { meaning: 'A file of the state directory is damaged.', retry: 'never' },
  STORAGE_FULL: { meaning: 'The disk is full.', retry: 'later' },
  STORAGE_FAILED: { meaning: 'The disk or the database on it failed.', retry: 'later' },
  STORAGE_BUSY: { meaning: 'The database stayed locked by another process for too long.', retry: 'later' },
  PORT_IN_USE: { meaning: 'The TCP port is taken.', retry: 'never' },

  // engines that `millrace stack` starts
  ENGINE_MISSING: { meaning: 'Something that is needed to start an engine is not installed.', retry: 'never' },
  ENGINE_DOWNLOAD: { meaning: 'An engine could not be downloaded.', retry: 'later' },
  ENGINE_FAILED: { meaning: 'An engine ended while it started, or cannot be started or stopped.', retry: 'never' },
  ENGINE_TIMEOUT: { meaning: 'An engine runs, but was not healthy in time.', retry: 'later' },
  ENGINE_RUNNING: { meaning: 'The engine already runs in another way.', retry: 'never' },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof errorKinds

export interface ErrorFacts {
  /** Where: a file and line, `topic[partition]@offset`, a URL, a field path. */
  readonly place?: string
  /** What the reader can do about it, as an instruction. */
  readonly fix?: string
  /** Overrides the default of the code. */
  readonly retry?: Retry
  /** Default `failed`. */
  readonly outcome?: Outcome
  /** For `retry: 'later'`: do not try before this many milliseconds have passed. */
  readonly retryAfterMs?: number
  readonly cause?: unknown
}

/** The one way Millrace fails: a stable code, what happened, where, what to do, and whether to try again. */
export class MillraceError extends Error {
  readonly code: ErrorCode
  readonly place: string | null
  readonly fix: string | null
  readonly retry: Retry
  readonly outcome: Outcome
  readonly retryAfterMs: number | null

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.name = 'MillraceError'
    this.code = code
    this.place = facts.place ?? null
    this.fix = facts.fix ?? null
    this.retry = facts.retry ?? errorKinds[code].retry
    this.outcome = facts.outcome ?? 'failed'
    this.retryAfterMs = facts.retryAfterMs ?? null
  }

  toJSON(): ErrorReport {
    const { code, message, place, fix, retry, outcome } = this
    return { code, message, place, fix, retry, outcome }
  }
}

/** An error as it is stored, sent between threads and printed with `--json`. */
export interface ErrorReport {
  readonly code: ErrorCode
  readonly message: string
  readonly place: string | null
  readonly fix: string | null
  readonly retry: Retry
  readonly outcome: Outcome
}

/** The error that a report was made from, in another thread or process. */
export function fromReport({ code, message, place, fix, retry, outcome }: ErrorReport): MillraceError {
  return new MillraceError(code, message, { ...(place && { place }), ...(fix && { fix }), retry, outcome })
}

/** Anything thrown, as a `MillraceError`; what is not one yet becomes `code` with the original as its cause. */
export function asMillraceError(thrown: unknown, code: ErrorCode = 'INVARIANT_BROKEN'): MillraceError {
  if (thrown instanceof MillraceError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new MillraceError(code, message, { cause: thrown })
}
