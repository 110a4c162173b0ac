package millrace.spark;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** When to try again, and until when. */
final class Retry {
  private static final Logger LOG = LoggerFactory.getLogger(Retry.class);
  private static final long FIRST_PAUSE_MS = 100;
  private static final long LONGEST_PAUSE_MS = 5_000;

  private final Duration limit;
  private final long startedAt = System.nanoTime();
  private int tries;

  Retry(Duration limit) {
    this.limit = limit;
  }

  /** Milliseconds to wait before the next try, half of them at random; -1 once the limit has passed. */
  long pauseMs() {
    if (System.nanoTime() - startedAt > limit.toNanos()) return -1;
    long pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS << Math.min(tries++, 10));
    return pause / 2 + ThreadLocalRandom.current().nextLong(pause / 2 + 1);
  }

  /**
   * Repeats work that cannot be done for now.
   *
   * @param classify says what an error of the work means
   * @throws SinkException once it is no use, or the limit has passed
   */
  static <T> T persist(Duration limit, String what, Function<Throwable, ? extends Fault> classify, Supplier<T> work) {
    Retry retry = new Retry(limit);
    while (true) {
      try {
        return work.get();
      } catch (SinkException error) {
        throw error;
      } catch (RuntimeException error) {
        Fault fault = classify.apply(error);
        long pause = fault.isTransient() ? retry.pauseMs() : -1;
        if (pause < 0) throw new SinkException(fault.code(), what + ": " + Failure.describe(error), error);
        if (retry.tries == 1) warn(what, limit, error);
        sleep(pause, fault, error);
      }
    }
  }

  static void warn(String what, Duration limit, Throwable error) {
    LOG.warn("{}: {}; trying again for up to {}", what, Failure.describe(error), limit);
  }

  private static void sleep(long ms, Fault fault, RuntimeException reason) {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new SinkException(fault.code(), "Stopped while waiting: " + Failure.describe(reason), reason);
    }
  }
}
