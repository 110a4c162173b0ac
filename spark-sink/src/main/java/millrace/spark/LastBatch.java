package millrace.spark;

import java.util.Map;

/** What the last micro-batch of a query left: what it came to, for Spark's progress, and where the next one goes on. */
final class LastBatch {
  private volatile Written.Counts counts = Written.Counts.NONE;
  private volatile Checkpoints.Stored stored;

  void report(Written.Counts counts, Checkpoints.Stored stored) {
    this.counts = counts;
    this.stored = stored;
  }

  /** Null before the first. */
  Checkpoints.Stored stored() {
    return stored;
  }

  /** By the names that src/adapters/spark reads. */
  Map<String, String> metrics() {
    Written.Counts last = counts;
    return Map.of(
        "rows", Long.toString(last.rows()),
        "deadLetters", Long.toString(last.deadLetters()),
        "filtered", Long.toString(last.filtered()));
  }
}
