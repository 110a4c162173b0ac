package millrace.spark;

import static millrace.spark.Statements.quote;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
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
   * Creates the table if it is not there yet. The time of the read becomes that of the commit: a former run that commits late, after
   * others have, changes nothing.
   *
   * @param committed the consumer group's offsets by partition, from which versions go on too
   */
  State read(Map<Integer, History.Mark> committed) {
    Set<String> tables = tables();
    if (!tables.contains(TABLE)) create();
    Map<Integer, List<History.Mark>> marks = new HashMap<>();
    committed.forEach((partition, mark) -> marks.put(partition, new ArrayList<>(List.of(mark))));
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
    return new State(histories, committed, Math.max(writtenAt + 1, System.currentTimeMillis() * 1000));
  }

  void store(int partition, History history, long at) {
    execute(
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
    Duration retryFor = settings.limits().retryFor();
    return Retry.persist(retryFor, "Checkpoints of " + settings.stage(), Failure::of, () -> session.execute(SimpleStatement.newInstance(statement, values)).all());
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
