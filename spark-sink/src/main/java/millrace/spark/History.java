package millrace.spark;

import java.io.Serializable;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The versions that one Kafka partition had at some of its offsets, as far as they are needed to give a record that Spark reads
 * again the version it had, and one that it never read a higher one than all before it.
 *
 * <p>After a commit three marks are enough: that commit, the one it went on from (Spark repeats a batch whose end it did not
 * record, and only that), and the furthest one ever (a query that starts over from an earlier offset passes it again).
 *
 * @param marks by ascending offset, then version
 */
record History(List<Mark> marks) implements Serializable {
  static final History EMPTY = new History(List.of());

  private static final Comparator<Mark> ORDER = Comparator.comparingLong(Mark::next).thenComparingLong(Mark::version);

  /**
   * @param next the offset after the last record
   * @param version the version of that record
   */
  record Mark(long next, long version) implements Serializable {}

  static History of(Stream<Mark> marks) {
    return new History(marks.distinct().sorted(ORDER).toList());
  }

  History with(History other) {
    return of(Stream.concat(marks.stream(), other.marks.stream()));
  }

  /** The highest version given before this offset, as far as is known; 0 if nothing is. */
  long versionBefore(long offset) {
    long version = 0;
    for (Mark mark : marks) {
      if (mark.next <= offset) version = Math.max(version, mark.version);
    }
    return version;
  }

  /** The history once the records from {@code first} to {@code mark} are committed. */
  History after(long first, Mark mark) {
    Mark before = null;
    Mark furthest = null;
    for (Mark each : marks) {
      if (each.next <= first) before = each;
      if (each.next >= mark.next) furthest = each;
    }
    return of(Stream.of(before, mark, furthest).filter(Objects::nonNull));
  }
}
