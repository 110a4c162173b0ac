package millrace.spark;

/**
 * How many requests may be on their way: one more for each window full of answers, half as many once Cassandra is overloaded or does
 * not answer in time, from 1 to the limit.
 */
final class Window {
  private final int limit;
  private double size;

  /** Starts with half of what is allowed: soon at the limit where that is right, and no burst where it is not. */
  Window(int limit) {
    this.limit = limit;
    this.size = Math.max(1, limit / 2.0);
  }

  int size() {
    return (int) size;
  }

  /** Answers that came while requests were few say nothing about more of them. */
  void answered(int inFlight) {
    if (inFlight >= size()) size = Math.min(limit, size + 1 / size);
  }

  void overloaded() {
    size = Math.max(1, size / 2);
  }
}
