package millrace.spark;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The writes of a table as they are prepared in a session, by log2 of their number of rows. Tasks share them: the driver forgets a
 * statement that nobody holds, as between two micro-batches, and would ask the cluster for it again.
 *
 * @param deletes empty where rows are never deleted
 */
record Writes(List<PreparedStatement> upserts, List<PreparedStatement> deletes) {
  /** Measured for the Node adapter: more rows cost no less CPU a row and wait longer. */
  static final int MAX_ROWS = 32;

  private static final Pool<Key, Writes> PREPARED = new Pool<>(writes -> {});

  private record Key(CqlSession session, Statements statements) {}

  /** @throws SinkException what preparing throws, once {@code retryFor} has passed or at once */
  static Pool<Key, Writes>.Lease lease(CqlSession session, Settings.TableName table, Layout layout, Duration retryFor) {
    Statements statements = Statements.of(table, layout);
    return PREPARED.lease(
        new Key(session, statements),
        () -> Retry.persist(retryFor, "Preparing writes to " + table, Failure::of, () -> prepare(session, statements)));
  }

  private static Writes prepare(CqlSession session, Statements statements) {
    List<PreparedStatement> upserts = new ArrayList<>();
    List<PreparedStatement> deletes = new ArrayList<>();
    for (int count = 1; count <= MAX_ROWS; count *= 2) {
      upserts.add(session.prepare(statements.upsert(count)));
      if (statements.deletes()) deletes.add(session.prepare(statements.delete(count)));
    }
    return new Writes(upserts, deletes);
  }
}
