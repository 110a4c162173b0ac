package millrace.spark;

import java.util.Map;

/** What the last micro-batch of a query came to, for Spark's progress. */
final class SinkMetrics {
  private volatile Written.Counts last = Written.Counts.NONE;

  void report(Written.Counts counts) {
    last = counts;
  }

  /** By the names that src/adapters/spark reads. */
  Map<String, String> metrics() {
    Written.Counts counts = last;
    return Map.of(
        "rows", Long.toString(counts.rows()),
        "deadLetters", Long.toString(counts.deadLetters()),
        "filtered", Long.toString(counts.filtered()));
  }
}
