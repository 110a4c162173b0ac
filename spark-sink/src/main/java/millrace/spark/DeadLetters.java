package millrace.spark;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * The dead letters of one task, until they are durable. They are written when there are many, at the end of the task, and at the latest
 * some time after the first: in real-time mode a task goes on for minutes.
 */
final class DeadLetters {
  private static final int MAX_LETTERS = 1_000;
  private static final int MAX_BYTES = 4 << 20;
  private static final long LINGER_MS = 200;

  private final Settings settings;

  /** The group's offsets at the start of the batch, by partition. */
  private final Map<Integer, History.Mark> committed;

  private final Runnable overdue;
  private List<DeadLetter> pending = new ArrayList<>();
  private long bytes;
  private long count;
  private ScheduledExecutorService timer;
  private boolean closed;

  /** @param overdue called by a thread of its own when dead letters have to be written */
  DeadLetters(Settings settings, Map<Integer, History.Mark> committed, Runnable overdue) {
    this.settings = settings;
    this.committed = committed;
    this.overdue = overdue;
  }

  synchronized void add(DeadLetter letter) {
    pending.add(letter);
    bytes += letter.source().bytes();
    count += 1;
    if (pending.size() > 1 || closed) return;
    if (timer == null) timer = Executors.newSingleThreadScheduledExecutor(DeadLetters::thread);
    timer.schedule(overdue, LINGER_MS, TimeUnit.MILLISECONDS);
  }

  synchronized boolean isFull() {
    return pending.size() >= MAX_LETTERS || bytes >= MAX_BYTES;
  }

  /** All that there were. */
  synchronized long count() {
    return count;
  }

  /**
   * Writes all there are. The rows of the task must be durable.
   *
   * @param versions where each partition stands
   * @throws SinkException LOG_UNREACHABLE, LOG_FAILED, LOG_REFUSED, RECORD_TOO_LARGE, TOPIC_UNKNOWN
   */
  void write(Map<Integer, Versions> versions) {
    Map<Integer, List<DeadLetter>> partitions =
        take().stream()
            .sorted(Comparator.comparingLong(DeadLetter::offset))
            .collect(Collectors.groupingBy(letter -> letter.source().partition()));
    partitions.forEach((partition, letters) -> append(partition, letters, versions.get(partition).mark()));
  }

  private synchronized List<DeadLetter> take() {
    List<DeadLetter> taken = pending;
    pending = new ArrayList<>();
    bytes = 0;
    return taken;
  }

  /** What the group has committed was done by whoever committed it, who may be a worker on Node. */
  private void append(int partition, List<DeadLetter> letters, History.Mark standing) {
    Settings.Group group = settings.group();
    History.Mark done = committed.get(partition);
    List<DeadLetter> open = letters.stream().filter(letter -> done == null || letter.offset() >= done.next()).toList();
    if (open.isEmpty()) return;
    Retry.persist(
        settings.limits().retryFor(),
        "Dead letters to " + group.deadLetterTopic(),
        KafkaFailure::of,
        () -> {
          try (var lease = KafkaClients.deadLetters(group, settings.topic(), partition)) {
            try {
              lease.value().append(open, standing, settings.stage());
            } catch (RuntimeException error) {
              lease.discard();
              throw error;
            }
            return null;
          }
        });
  }

  /** Gives up what is not written. */
  synchronized void close() {
    closed = true;
    if (timer != null) timer.shutdownNow();
  }

  /** Kafka's client looks for its own classes with the thread's class loader. */
  private static Thread thread(Runnable work) {
    Thread thread = new Thread(work, "millrace-dead-letters");
    thread.setDaemon(true);
    thread.setContextClassLoader(DeadLetters.class.getClassLoader());
    return thread;
  }
}
