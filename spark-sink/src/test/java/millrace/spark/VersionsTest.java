package millrace.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class VersionsTest {
  private static final long NOW = 1_700_000_000_000L;

  /** Those that test/engine/version.test.ts holds the Node engine to. */
  @TestFactory
  Stream<DynamicTest> areThoseOfTheNodeEngine() throws IOException {
    JsonNode cases = new ObjectMapper().readTree(new File("../test/vectors/versions.json")).path("cases");
    return StreamSupport.stream(cases.spliterator(), false)
        .map(each -> DynamicTest.dynamicTest(each.path("name").asText(), () -> check(each)));
  }

  private static void check(JsonNode vector) {
    History history = History.of(Stream.of(new History.Mark(0, vector.path("previous").asLong())));
    Versions versions = new Versions(history);
    List<Long> given = new ArrayList<>();
    long now = vector.path("now").asLong();
    for (JsonNode time : vector.path("times")) given.add(versions.give(given.size(), time.asLong(), now));
    List<Long> expected = new ArrayList<>();
    for (JsonNode version : vector.path("versions")) expected.add(version.asLong());
    assertTrue(!expected.isEmpty());
    assertEquals(expected, given);
  }

  /**
   * A run of batches in which any batch may be repeated before or after its commit, and the whole may start over from an earlier
   * offset: whatever happens, a record never gets a lower version than a record before it has in the table.
   */
  @Test
  void keepTheOrderOfTheRecordsHoweverBatchesAreRepeated() {
    for (int seed = 0; seed < 2_000; seed++) new Round(new Random(seed)).run();
  }

  private static final class Round {
    private final Random random;
    private final long[] times;

    /** By offset: the highest version that the record was ever written with. */
    private final Map<Integer, Long> written = new HashMap<>();

    private History history = History.EMPTY;

    Round(Random random) {
      this.random = random;
      this.times = new long[40];
      // Bursts: many records of one millisecond.
      for (int i = 0; i < times.length; i++) times[i] = NOW - 5 + i / 15 - random.nextInt(2);
    }

    void run() {
      int at = 0;
      int restarts = 0;
      while (at < times.length) {
        int end = Math.min(times.length, at + 1 + random.nextInt(8));
        int fate = random.nextInt(6);
        History.Mark mark = write(at, end);
        if (fate == 0) continue; // The process died before its commit.
        history = history.after(at, mark);
        if (fate == 1) repeat(at, end);
        at = end;
        if (fate == 2 && restarts++ < 2) at = random.nextInt(at + 1);
      }
      // Were all records of one key, a reader would find the last one.
      long highest = written.values().stream().mapToLong(each -> each).max().orElseThrow();
      assertEquals(highest, written.get(times.length - 1));
    }

    /** It died after its commit, and Spark did not know. */
    private void repeat(int from, int to) {
      Map<Integer, Long> before = new HashMap<>(written);
      history = history.after(from, write(from, to));
      assertEquals(before, written);
    }

    private History.Mark write(int from, int to) {
      Versions versions = new Versions(history);
      for (int offset = from; offset < to; offset++) {
        written.merge(offset, versions.give(offset, times[offset], NOW), Math::max);
      }
      return versions.mark();
    }
  }

  @Test
  void goOnFromWhatWasCommittedBeforeThem() {
    History history = History.of(Stream.of(new History.Mark(10, 500), new History.Mark(20, 900)));
    assertEquals(0, history.versionBefore(9));
    assertEquals(500, history.versionBefore(10));
    assertEquals(500, history.versionBefore(19));
    assertEquals(900, history.versionBefore(25));
  }

  @Test
  void needNoMoreThanThreeMarks() {
    History history = History.EMPTY;
    for (int at = 0; at < 100; at += 10) history = history.after(at, new History.Mark(at + 10, at + 10));
    assertEquals(List.of(new History.Mark(90, 90), new History.Mark(100, 100)), history.marks());
    History again = history.after(0, new History.Mark(10, 11)).after(10, new History.Mark(20, 21));
    assertEquals(List.of(new History.Mark(10, 11), new History.Mark(20, 21), new History.Mark(100, 100)), again.marks());
  }
}
