package millrace.spark;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * What the tasks of this JVM share and what is costly to open, one value a key. Held as state of a class, because Spark gives tasks
 * nothing else to share.
 */
final class Pool<K, V> {
  /** Longer than the time between two micro-batches of a busy query. */
  private static final long IDLE_SECONDS = 60;

  private final Consumer<V> closer;
  private final Map<K, Shared> open = new HashMap<>();

  Pool(Consumer<V> closer) {
    this.closer = closer;
  }

  /** A use of a value, which has to be closed. */
  final class Lease implements AutoCloseable {
    private final K key;
    private final Shared shared;
    private final V value;
    private boolean closed;

    private Lease(K key, Shared shared, V value) {
      this.key = key;
      this.shared = shared;
      this.value = value;
    }

    V value() {
      return value;
    }

    /** The value is not to be used again: whoever comes next opens another. */
    void discard() {
      synchronized (open) {
        if (!open.remove(key, shared)) return;
      }
      shared.close();
    }

    /** The value itself closes a minute after its last use. */
    @Override
    public void close() {
      if (closed) return;
      closed = true;
      release(key, shared);
    }
  }

  private final class Shared {
    int uses;
    long lastUse;
    V value;

    /** Others that need the same value wait for this one. */
    synchronized V value(Supplier<V> opener) {
      if (value == null) value = opener.get();
      return value;
    }

    synchronized void close() {
      if (value != null) closer.accept(value);
    }
  }

  /** @throws RuntimeException whatever opening throws */
  Lease lease(K key, Supplier<V> opener) {
    Shared shared;
    synchronized (open) {
      shared = open.computeIfAbsent(key, each -> new Shared());
      shared.uses += 1;
    }
    try {
      return new Lease(key, shared, shared.value(opener));
    } catch (RuntimeException error) {
      release(key, shared);
      throw error;
    }
  }

  private void release(K key, Shared shared) {
    synchronized (open) {
      shared.uses -= 1;
      long use = ++shared.lastUse;
      CompletableFuture.delayedExecutor(IDLE_SECONDS, TimeUnit.SECONDS).execute(() -> closeIfIdle(key, shared, use));
    }
  }

  private void closeIfIdle(K key, Shared shared, long use) {
    synchronized (open) {
      if (shared.uses > 0 || shared.lastUse != use || !open.remove(key, shared)) return;
    }
    shared.close();
  }
}
