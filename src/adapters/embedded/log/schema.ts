/** Kept in the file as `user_version`; a file with a higher one is refused. */
export const formatVersion = 1

export const schema = `
  CREATE TABLE topics (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    partitions INTEGER NOT NULL,
    replication INTEGER NOT NULL,
    retention_ms INTEGER NOT NULL,
    max_record_bytes INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE partitions (
    topic_id INTEGER NOT NULL REFERENCES topics,
    partition INTEGER NOT NULL,
    start_offset INTEGER NOT NULL,
    end_offset INTEGER NOT NULL,
    PRIMARY KEY (topic_id, partition)
  ) STRICT, WITHOUT ROWID;

  -- A rowid table, so that an append only ever writes at the end of the file's tree.
  CREATE TABLE batches (
    id INTEGER PRIMARY KEY,
    topic_id INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    base_offset INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    data BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX batches_by_offset ON batches (topic_id, partition, next_offset);
  CREATE INDEX batches_by_time ON batches (topic_id, partition, timestamp, base_offset);

  CREATE TABLE producers (
    id TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- epoch: the last one given to an assignment; generation: counts changes of assignments. Neither ever falls.
  CREATE TABLE groups (
    name TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL DEFAULT 0,
    generation INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;

  -- host, pid, started and token say which thread of which process it is, so that its end can be certain.
  CREATE TABLE members (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_name TEXT NOT NULL REFERENCES groups,
    topic_id INTEGER NOT NULL REFERENCES topics,
    member TEXT NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started TEXT NOT NULL,
    token TEXT NOT NULL,
    session_timeout_ms INTEGER NOT NULL,
    drain_timeout_ms INTEGER NOT NULL,
    beat_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX members_by_group ON members (group_name, topic_id);

  -- revoke_at: asked back, to be given up by then.
  CREATE TABLE assignments (
    group_name TEXT NOT NULL REFERENCES groups,
    topic_id INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    member_id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    revoke_at INTEGER,
    PRIMARY KEY (group_name, topic_id, partition)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE offsets (
    group_name TEXT NOT NULL REFERENCES groups,
    topic_id INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    PRIMARY KEY (group_name, topic_id, partition)
  ) STRICT, WITHOUT ROWID;
`
