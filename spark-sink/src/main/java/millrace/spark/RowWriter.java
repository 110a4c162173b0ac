package millrace.spark;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.WriterCommitMessage;

/** Writes the rows of one task: gives each its version and sends it. Those that cannot be written become dead letters. */
final class RowWriter implements DataWriter<InternalRow> {
  private final Settings settings;
  private final Layout.Meta meta;
  private final Checkpoints.State state;
  private final RowEncoder encoder;
  private final Pool<Settings.Cluster, ?>.Lease lease;
  private final Sender sender;
  private final Map<Integer, Versions> versions = new HashMap<>();

  /** Null where a row that cannot be written fails the query. */
  private final DeadLetters deadLetters;

  /** Of the task's thread, and of the one that writes dead letters that are overdue. */
  private final ReentrantLock lock = new ReentrantLock();

  /** Why dead letters that were overdue could not be written. */
  private volatile SinkException failed;

  private long records;
  private long filtered;

  RowWriter(Settings settings, Layout layout, Checkpoints.State state) {
    this.settings = settings;
    this.meta = layout.meta();
    this.state = state;
    this.encoder = new RowEncoder(settings, layout);
    boolean takesDeadLetters = settings.group() != null && settings.group().takesDeadLetters();
    this.deadLetters = takesDeadLetters ? new DeadLetters(settings, state.committed(), this::settleOverdue) : null;
    var connection = Connections.lease(settings.cluster(), settings.limits().retryFor());
    this.lease = connection;
    try {
      this.sender = new Sender(connection.value(), settings, layout, deadLetters == null ? null : this::refused);
    } catch (RuntimeException error) {
      lease.close();
      throw error;
    }
  }

  @Override
  public void write(InternalRow row) throws IOException {
    locked(
        () -> {
          take(row);
          if (deadLetters != null && deadLetters.isFull()) settle();
        });
  }

  @Override
  public WriterCommitMessage commit() throws IOException {
    locked(this::settle);
    Map<Integer, Written.Range> partitions = new HashMap<>();
    versions.forEach((partition, given) -> partitions.put(partition, new Written.Range(given.first(), given.mark())));
    long dead = deadLetters == null ? 0 : deadLetters.count();
    return new Written(partitions, new Written.Counts(records - filtered - dead, dead, filtered)).toMessage();
  }

  @Override
  public void abort() {
    stop();
  }

  @Override
  public void close() {
    stop();
    lease.close();
  }

  private void stop() {
    sender.close();
    if (deadLetters != null) deadLetters.close();
  }

  private void take(InternalRow row) throws InterruptedException {
    int partition = row.getInt(meta.partition());
    long offset = row.getLong(meta.offset());
    long version = versionOf(row, partition, offset);
    records += 1;
    if (isTrue(row, meta.filtered())) {
      filtered += 1;
      return;
    }
    SourceRecord source = deadLetters == null ? SourceRecord.coordinates(partition, offset) : SourceRecord.of(row, meta, partition, offset);
    if (meta.code() >= 0 && !row.isNullAt(meta.code())) {
      String reason = meta.reason() < 0 || row.isNullAt(meta.reason()) ? "" : row.getUTF8String(meta.reason()).toString();
      reject(source, version, row.getUTF8String(meta.code()).toString(), reason);
      return;
    }
    try {
      sender.add(encoder.encode(row, version, isTrue(row, meta.deleted()), source));
    } catch (RowRejected rejected) {
      reject(source, version, RowRejected.CODE, rejected.getMessage());
    }
  }

  private static boolean isTrue(InternalRow row, int ordinal) {
    return ordinal >= 0 && !row.isNullAt(ordinal) && row.getBoolean(ordinal);
  }

  /** Of Cassandra, when the row is on its way. */
  private void refused(EncodedRow row, String reason) {
    deadLetters.add(new DeadLetter(row.source(), row.version(), RowRejected.CODE, reason));
  }

  private void reject(SourceRecord source, long version, String code, String reason) {
    if (deadLetters == null) {
      throw new SinkException(code, settings.topic() + "[" + source.partition() + "] offset " + source.offset() + ": " + reason);
    }
    deadLetters.add(new DeadLetter(source, version, code, reason));
  }

  /** The rows first: only then is it known which of them Cassandra refuses. */
  private void settle() throws InterruptedException {
    sender.flush();
    if (deadLetters != null) deadLetters.write(versions);
  }

  private void settleOverdue() {
    try {
      locked(this::settle);
    } catch (InterruptedIOException stopped) {
      // The task is over.
    } catch (SinkException error) {
      failed = error;
    } catch (Throwable error) {
      // Nobody sees what a thread of ours throws, and what it was to write is lost.
      failed = new SinkException("INVARIANT_BROKEN", "Dead letters were not written: " + error, error);
    }
  }

  private long versionOf(InternalRow row, int partition, long offset) {
    Versions given = versions.computeIfAbsent(partition, each -> new Versions(state.history(each)));
    if (given.isBehind(offset)) {
      String message = settings.topic() + "[" + partition + "] offset " + offset + " comes after a later record. Set the option sort.";
      throw new SinkException("PLAN_INCOMPATIBLE", message);
    }
    long appendedAt = Math.floorDiv(row.getLong(meta.timestamp()), 1000);
    long version = given.give(offset, appendedAt, System.currentTimeMillis());
    // A replayed record is later in the log than it was: a higher version than its place there has is not ours.
    long own = SourceRecord.replayVersion(row, meta);
    return own < 0 ? version : Math.min(own, version);
  }

  private interface Work {
    void run() throws InterruptedException;
  }

  private void locked(Work work) throws InterruptedIOException {
    try {
      lock.lockInterruptibly();
      try {
        if (failed != null) throw failed;
        work.run();
      } finally {
        lock.unlock();
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("The task was stopped.");
    }
  }
}
