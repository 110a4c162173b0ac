package millrace.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class CheckpointsTest {
  private static final long NEXT_YEAR = (System.currentTimeMillis() + 365L * 86_400_000) * 1000;

  private static History.Mark mark(long next, long version) {
    return new History.Mark(next, version);
  }

  @Test
  void goesOnFromWhatIsStoredAndFromTheGroupsOffsets() {
    Checkpoints.Stored stored = new Checkpoints.Stored(Map.of(0, History.of(Stream.of(mark(10, 100)))), 0);
    Checkpoints.State state = stored.next(Map.of(0, mark(15, 150), 1, mark(5, 50)));
    assertEquals(History.of(Stream.of(mark(10, 100), mark(15, 150))), state.history(0));
    assertEquals(History.of(Stream.of(mark(5, 50))), state.history(1));
    assertEquals(History.EMPTY, state.history(2));
    assertEquals(Map.of(0, History.of(Stream.of(mark(10, 100)))), stored.histories());
  }

  @Test
  void commitsLaterThanTheLastCommitWhateverTheClockSays() {
    assertEquals(NEXT_YEAR + 1, new Checkpoints.Stored(Map.of(), NEXT_YEAR).next(Map.of()).at());
    long before = System.currentTimeMillis() * 1000;
    assertTrue(new Checkpoints.Stored(Map.of(), 0).next(Map.of()).at() >= before);
  }
}
