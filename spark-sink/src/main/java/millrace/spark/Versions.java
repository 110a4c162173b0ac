package millrace.spark;

/**
 * Gives the records of one Kafka partition their versions: microseconds since 1970, strictly increasing along the partition and
 * close to real time. A version is Cassandra's write timestamp, so it decides which write of a row wins.
 */
final class Versions {
  private final History history;
  private long first = -1;
  private long next;
  private long last;

  /** @param history what earlier commits gave */
  Versions(History history) {
    this.history = history;
  }

  /**
   * @param previous version of the record before it in the partition; 0 for the first
   * @param appendedAt the log's append time in milliseconds
   * @param now this machine's time in milliseconds; an append time ahead of it is not believed
   */
  static long nextVersion(long previous, long appendedAt, long now) {
    return Math.max(previous + 1, Math.min(appendedAt, now) * 1000);
  }

  /** Whether records before this one were given their versions already. */
  boolean isBehind(long offset) {
    return first >= 0 && offset < next;
  }

  /** The version of the next record; offsets must increase. */
  long give(long offset, long appendedAt, long now) {
    if (first < 0) first = offset;
    last = nextVersion(Math.max(last, history.versionBefore(offset)), appendedAt, now);
    next = offset + 1;
    return last;
  }

  /** The offset of the first record. */
  long first() {
    return first;
  }

  /** Where the partition stands after the last record. */
  History.Mark mark() {
    return new History.Mark(next, last);
  }
}
