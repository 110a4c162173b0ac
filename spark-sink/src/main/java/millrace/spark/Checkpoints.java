package millrace.spark;

import static millrace.spark.Statements.quote;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.BatchStatement;
import com.datastax.oss.driver.api.core.cql.BatchType;
import com.datastax.oss.driver.api.core.cql.BatchableStatement;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.cql.Statement;
import java.io.Serializable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Where the partitions of a stage's topic stand, in {@code millrace_spark_checkpoints} beside its table: one row a partition, which each
 * commit replaces. What Spark's own checkpoint does not know is the version of the last record, from which versions go on.
 */
final class Checkpoints {
  static final String TABLE = "millrace_spark_checkpoints";

  /** Written by the stage while it ran in Node; see src/adapters/cassandra/checkpoints.ts. */
  private static final String NODE_TABLE = "millrace_checkpoints";

  /** They are in one partition of the table, so that Cassandra takes several as one; it warns of more than 5 KiB. */
  private static final int STORED_AT_ONCE = 16;

  private final Settings settings;
  private final CqlSession session;
  private final String target;

  Checkpoints(Settings settings, CqlSession session) {
    this.settings = settings;
    this.session = session;
    this.target = qualified(TABLE);
  }

  /**
   * What a batch goes on from.
   *
   * @param histories by partition
   * @param committed the consumer group's offsets by partition; empty without a group
   * @param at the write timestamp of its commit, in microseconds
   */
  record State(Map<Integer, History> histories, Map<Integer, History.Mark> committed, long at) implements Serializable {
    History history(int partition) {
      return histories.getOrDefault(partition, History.EMPTY);
    }
  }

  /**
   * What is stored: read when a query starts, and after each batch what that has stored.
   *
   * @param at the write timestamp of the last commit, in microseconds; 0 where there is none
   */
  record Stored(Map<Integer, History> histories, long at) {
    /**
     * Where a batch begins. The time becomes that of its commit: a former run that commits late, after others have, changes nothing.
     *
     * @param committed the consumer group's offsets by partition, from which versions go on too
     */
    State next(Map<Integer, History.Mark> committed) {
      Map<Integer, History> known = new HashMap<>(histories);
      committed.forEach((partition, mark) -> known.merge(partition, History.of(Stream.of(mark)), History::with));
      return new State(known, committed, Math.max(at + 1, System.currentTimeMillis() * 1000));
    }
  }

  /** Creates the table if it is not there yet. */
  Stored read() {
    Set<String> tables = tables();
    if (!tables.contains(TABLE)) create();
    Map<Integer, List<History.Mark>> marks = new HashMap<>();
    long writtenAt = 0;
    for (Row row : select("\"partition\", offsets, versions, WRITETIME(offsets) AS written_at", TABLE)) {
      List<Long> offsets = row.getList("offsets", Long.class);
      List<Long> versions = row.getList("versions", Long.class);
      Stream<History.Mark> stored = IntStream.range(0, offsets.size()).mapToObj(i -> new History.Mark(offsets.get(i), versions.get(i)));
      marks.computeIfAbsent(row.getInt("partition"), partition -> new ArrayList<>()).addAll(stored.toList());
      writtenAt = Math.max(writtenAt, row.getLong("written_at"));
    }
    if (tables.contains(NODE_TABLE)) {
      for (Row row : select("\"partition\", next, version", NODE_TABLE)) {
        if (row.isNull("next") || row.isNull("version")) continue;
        History.Mark mark = new History.Mark(row.getLong("next"), row.getLong("version"));
        marks.computeIfAbsent(row.getInt("partition"), partition -> new ArrayList<>()).add(mark);
      }
    }
    Map<Integer, History> histories = new HashMap<>();
    marks.forEach((partition, each) -> histories.put(partition, History.of(each.stream())));
    return new Stored(histories, writtenAt);
  }

  void store(Map<Integer, History> histories, long at) {
    List<BatchableStatement<?>> updates = new ArrayList<>();
    histories.forEach((partition, history) -> updates.add(update(partition, history, at)));
    for (int from = 0; from < updates.size(); from += STORED_AT_ONCE) {
      int to = Math.min(from + STORED_AT_ONCE, updates.size());
      execute(BatchStatement.newInstance(BatchType.UNLOGGED, updates.subList(from, to)));
    }
  }

  private BatchableStatement<?> update(int partition, History history, long at) {
    return SimpleStatement.newInstance(
        "UPDATE " + target + " USING TIMESTAMP ? SET offsets = ?, versions = ?"
            + " WHERE table_name = ? AND stage = ? AND topic = ? AND \"partition\" = ?",
        at,
        history.marks().stream().map(History.Mark::next).toList(),
        history.marks().stream().map(History.Mark::version).toList(),
        settings.table().name(),
        settings.stage(),
        settings.topic(),
        partition);
  }

  private Iterable<Row> select(String columns, String table) {
    return execute(
        "SELECT " + columns + " FROM " + qualified(table) + " WHERE table_name = ? AND stage = ? AND topic = ?",
        settings.table().name(),
        settings.stage(),
        settings.topic());
  }

  private List<Row> execute(String statement, Object... values) {
    return execute(SimpleStatement.newInstance(statement, values));
  }

  private List<Row> execute(Statement<?> statement) {
    Duration retryFor = settings.limits().retryFor();
    return Retry.persist(retryFor, "Checkpoints of " + settings.stage(), Failure::of, () -> session.execute(statement).all());
  }

  /** Asked for, since what the driver knows of the schema is up to a second old. */
  private Set<String> tables() {
    String question = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name IN (?, ?)";
    List<Row> found = execute(question, settings.table().keyspace(), TABLE, NODE_TABLE);
    return found.stream().map(row -> row.getString("table_name")).collect(Collectors.toSet());
  }

  private void create() {
    execute(
        "CREATE TABLE IF NOT EXISTS "
            + target
            + " (table_name text, stage text, topic text, \"partition\" int,"
            + " offsets frozen<list<bigint>>, versions frozen<list<bigint>>,"
            + " PRIMARY KEY ((table_name, stage), topic, \"partition\"))"
            + " WITH comment = 'Versions that stages of Millrace on Spark go on from.'");
  }

  private String qualified(String table) {
    return quote(settings.table().keyspace()) + "." + quote(table);
  }
}
