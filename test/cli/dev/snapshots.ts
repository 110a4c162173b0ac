import type { DevSnapshot, RunView, StageView } from '../../../src/cli/dev/snapshot.ts'
import type { ErrorReport } from '../../../src/sdk/errors.ts'

/** 2026-01-01, one second past midnight. */
export const startedAt = Date.UTC(2026, 0, 1, 0, 0, 1)

export const diskFull: ErrorReport = {
  code: 'STORAGE_FULL',
  message: 'The database or disk is full.',
  place: '.millrace/tables.db',
  fix: 'Free some space; Millrace goes on by itself.',
  retry: 'later',
  outcome: 'failed',
}

export const simulated = {
  address: 'http://127.0.0.1:4011/api/',
  simulated: 'https://randomuser.me/api/ cannot be reached, so the bundled simulator stands in for it.',
}

export const ingest: StageView = {
  name: 'user_automation',
  kind: 'ingest',
  from: 'randomuser',
  to: 'users_created',
  state: 'running',
  error: null,
  recordsPerSecond: 1180,
  history: [0, 600, ...Array<number>(40).fill(1180)],
  records: 41_204,
  total: 41_204,
  deadLetters: 0,
  lag: null,
}

export const stream: StageView = {
  name: 'spark_stream',
  kind: 'stream',
  from: 'users_created',
  to: 'spark_streams.created_users',
  state: 'running',
  error: null,
  recordsPerSecond: 1175.4,
  history: [0, 0, ...Array<number>(40).fill(1175)],
  records: 41_192,
  total: 41_192,
  deadLetters: 0,
  lag: 12,
}

export const run: RunView = {
  dag: 'user_automation',
  runId: 'scheduled__2026-01-01T00:00:00.000Z',
  state: 'running',
  attempt: 1,
  elapsedMs: 42_300,
  durationMs: 60_000,
  error: null,
}

/** The users pipeline 43 seconds after its start. */
export const running: DevSnapshot = {
  pipeline: 'users',
  target: 'local',
  statePath: '.millrace',
  at: startedAt + 43_000,
  uptimeMs: 43_000,
  firstRowMs: 843,
  source: { address: 'https://randomuser.me/api/', simulated: null },
  stages: [ingest, stream],
  run,
  nextRunAt: '2026-01-02T00:00:00.000Z',
  peakRssBytes: 143_200_000,
}

/** The first moment of the same. */
export const starting: DevSnapshot = {
  ...running,
  at: startedAt,
  uptimeMs: 0,
  firstRowMs: null,
  stages: [
    { ...ingest, state: 'stopped', recordsPerSecond: 0, history: [], records: 0, total: null },
    { ...stream, state: 'starting', recordsPerSecond: 0, history: [], records: 0, total: null, lag: 0 },
  ],
  run: null,
  peakRssBytes: 61_000_000,
}

/** A minute as it might go, for looking at: counts grow, the run ends after 60 seconds. */
export function snapshotAt(ms: number, triggered: number): DevSnapshot {
  const seconds = Math.floor(ms / 1000)
  const rate = (second: number, base: number) => Math.round(base + 260 * Math.sin(second / 4) + 40 * ((second * 7) % 5))
  const history = (base: number) =>
    Array.from({ length: Math.min(60, seconds) }, (_, index) => rate(Math.max(0, seconds - 60) + index, base))
  const records = Math.floor(ms * 1.18)
  const written = Math.max(0, records - 12)
  const elapsedMs = Math.min(60_000, ms)
  return {
    ...running,
    at: startedAt + ms,
    uptimeMs: ms,
    firstRowMs: written > 0 ? 843 : null,
    source: triggered % 2 === 1 ? simulated : running.source,
    stages: [
      { ...ingest, recordsPerSecond: rate(seconds, 1180), history: history(1180), records, total: records },
      { ...stream, recordsPerSecond: rate(seconds, 1170), history: history(1170), records: written, total: written },
    ],
    run: { ...run, elapsedMs, state: elapsedMs < 60_000 ? 'running' : 'success' },
    peakRssBytes: 98e6 + Math.min(45e6, ms * 1000),
  }
}
