package millrace.spark;

import java.util.HashMap;
import java.util.Map;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.apache.spark.sql.execution.streaming.sources.PackedRowCommitMessage;

/**
 * What a task has made durable.
 *
 * @param partitions by number
 */
record Written(Map<Integer, Range> partitions, Counts counts) {
  /** The records of a partition. */
  record Range(long first, History.Mark mark) {}

  /** @param filtered records that the query has left out and told about */
  record Counts(long rows, long deadLetters, long filtered) {
    static final Counts NONE = new Counts(0, 0, 0);

    Counts plus(Counts more) {
      return new Counts(rows + more.rows, deadLetters + more.deadLetters, filtered + more.filtered);
    }
  }

  /**
   * As the driver gets it. A class of Spark's own, because the driver reads the results of tasks with a class loader that does not know
   * a jar that was uploaded to a session.
   */
  WriterCommitMessage toMessage() {
    InternalRow[] rows = new InternalRow[partitions.size() + 1];
    int at = 0;
    rows[at++] = row(counts.rows, counts.deadLetters, counts.filtered);
    for (Map.Entry<Integer, Range> each : partitions.entrySet()) {
      Range range = each.getValue();
      rows[at++] = row((long) each.getKey(), range.first, range.mark.next(), range.mark.version());
    }
    return new PackedRowCommitMessage(rows);
  }

  static Written of(WriterCommitMessage message) {
    InternalRow[] rows = ((PackedRowCommitMessage) message).rows();
    Map<Integer, Range> partitions = new HashMap<>();
    for (int at = 1; at < rows.length; at++) {
      InternalRow row = rows[at];
      partitions.put((int) row.getLong(0), new Range(row.getLong(1), new History.Mark(row.getLong(2), row.getLong(3))));
    }
    return new Written(partitions, new Counts(rows[0].getLong(0), rows[0].getLong(1), rows[0].getLong(2)));
  }

  private static InternalRow row(Object... numbers) {
    return new GenericInternalRow(numbers);
  }
}
