package millrace.spark;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.WriterCommitMessage;

/** Writes the rows of one task: gives each its version and sends it. */
final class RowWriter implements DataWriter<InternalRow> {
  /**
   * What a task has made durable.
   *
   * @param partitions by number
   */
  record Written(Map<Integer, Range> partitions) implements WriterCommitMessage {
    record Range(long first, History.Mark mark) implements java.io.Serializable {}
  }

  private final Settings settings;
  private final Layout layout;
  private final Checkpoints.State state;
  private final RowEncoder encoder;
  private final Connections.Lease lease;
  private final Sender sender;
  private final Map<Integer, Versions> versions = new HashMap<>();

  RowWriter(Settings settings, Layout layout, Checkpoints.State state) {
    this.settings = settings;
    this.layout = layout;
    this.state = state;
    this.encoder = new RowEncoder(settings, layout);
    this.lease = Connections.lease(settings.cluster(), settings.limits().retryFor());
    try {
      this.sender = new Sender(lease.session(), settings, layout);
    } catch (RuntimeException error) {
      lease.close();
      throw error;
    }
  }

  @Override
  public void write(InternalRow row) throws IOException {
    int partition = row.getInt(layout.partition());
    long offset = row.getLong(layout.offset());
    long version = versionOf(row, partition, offset);
    boolean deleted = layout.deleted() >= 0 && !row.isNullAt(layout.deleted()) && row.getBoolean(layout.deleted());
    EncodedRow encoded = encoder.encode(row, partition, offset, version, deleted);
    uninterrupted(() -> sender.add(encoded));
  }

  @Override
  public WriterCommitMessage commit() throws IOException {
    uninterrupted(sender::flush);
    Map<Integer, Written.Range> partitions = new HashMap<>();
    versions.forEach((partition, given) -> partitions.put(partition, new Written.Range(given.first(), given.mark())));
    return new Written(partitions);
  }

  @Override
  public void abort() {
    sender.close();
  }

  @Override
  public void close() {
    sender.close();
    lease.close();
  }

  private long versionOf(InternalRow row, int partition, long offset) {
    Versions given = versions.computeIfAbsent(partition, each -> new Versions(state.history(each)));
    if (given.isBehind(offset)) {
      String message = settings.topic() + "[" + partition + "] offset " + offset + " comes after a later record. Set the option sort.";
      throw new SinkException("PLAN_INCOMPATIBLE", message);
    }
    long appendedAt = Math.floorDiv(row.getLong(layout.timestamp()), 1000);
    long version = given.give(offset, appendedAt, System.currentTimeMillis());
    boolean hasOwn = layout.version() >= 0 && !row.isNullAt(layout.version());
    return hasOwn ? row.getLong(layout.version()) : version;
  }

  private interface Waiting {
    void run() throws InterruptedException;
  }

  private static void uninterrupted(Waiting work) throws InterruptedIOException {
    try {
      work.run();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("The task was stopped.");
    }
  }
}
