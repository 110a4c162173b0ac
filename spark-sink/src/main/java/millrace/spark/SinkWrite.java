package millrace.spark;

import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.distributions.Distribution;
import org.apache.spark.sql.connector.distributions.Distributions;
import org.apache.spark.sql.connector.expressions.Expression;
import org.apache.spark.sql.connector.expressions.Expressions;
import org.apache.spark.sql.connector.expressions.NamedReference;
import org.apache.spark.sql.connector.expressions.SortDirection;
import org.apache.spark.sql.connector.expressions.SortOrder;
import org.apache.spark.sql.connector.write.BatchWrite;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.DataWriterFactory;
import org.apache.spark.sql.connector.write.PhysicalWriteInfo;
import org.apache.spark.sql.connector.write.RequiresDistributionAndOrdering;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory;
import org.apache.spark.sql.connector.write.streaming.StreamingWrite;

/**
 * One write: a batch query, or one micro-batch of a streaming query, for each of which Spark makes a new one. Rows are durable when
 * their task commits; then the driver stores where the partitions of the topic stand.
 */
final class SinkWrite implements RequiresDistributionAndOrdering, BatchWrite, StreamingWrite {
  private final Settings settings;
  private final Layout layout;
  private Checkpoints.State state;

  SinkWrite(Settings settings, Layout layout) {
    this.settings = settings;
    this.layout = layout;
  }

  @Override
  public String description() {
    return "Cassandra " + settings.table();
  }

  @Override
  public String toString() {
    return description();
  }

  /** Kafka's source gives each task one partition in order, so nothing has to move unless the query itself has moved rows. */
  @Override
  public Distribution requiredDistribution() {
    if (!settings.sort()) return Distributions.unspecified();
    return Distributions.clustered(new Expression[] {column(settings.meta().partition())});
  }

  @Override
  public SortOrder[] requiredOrdering() {
    if (!settings.sort()) return new SortOrder[0];
    return new SortOrder[] {ascending(settings.meta().partition()), ascending(settings.meta().offset())};
  }

  private static SortOrder ascending(String name) {
    return Expressions.sort(column(name), SortDirection.ASCENDING);
  }

  private static NamedReference column(String name) {
    return Expressions.column("`" + name.replace("`", "``") + "`");
  }

  @Override
  public BatchWrite toBatch() {
    return this;
  }

  @Override
  public StreamingWrite toStreaming() {
    return this;
  }

  @Override
  public DataWriterFactory createBatchWriterFactory(PhysicalWriteInfo info) {
    return writers();
  }

  @Override
  public StreamingDataWriterFactory createStreamingWriterFactory(PhysicalWriteInfo info) {
    return writers();
  }

  @Override
  public boolean useCommitCoordinator() {
    return true;
  }

  @Override
  public void commit(WriterCommitMessage[] messages) {
    Map<Integer, RowWriter.Written.Range> ranges = merge(messages);
    try (Connections.Lease lease = Connections.lease(settings.cluster(), settings.limits().retryFor())) {
      Checkpoints checkpoints = new Checkpoints(settings, lease.session());
      ranges.forEach(
          (partition, range) ->
              checkpoints.store(partition, state.history(partition).after(range.first(), range.mark()), state.at()));
    }
  }

  /** Spark repeats a batch whose end it did not record; its rows then get the versions they had. */
  @Override
  public void commit(long epoch, WriterCommitMessage[] messages) {
    commit(messages);
  }

  /** What was written stays: the same rows will be written again. */
  @Override
  public void abort(WriterCommitMessage[] messages) {}

  @Override
  public void abort(long epoch, WriterCommitMessage[] messages) {}

  private Writers writers() {
    try (Connections.Lease lease = Connections.lease(settings.cluster(), settings.limits().retryFor())) {
      state = new Checkpoints(settings, lease.session()).read();
    }
    return new Writers(settings, layout, state);
  }

  /** A partition's versions are one sequence, so one task has to give them. */
  private Map<Integer, RowWriter.Written.Range> merge(WriterCommitMessage[] messages) {
    Map<Integer, RowWriter.Written.Range> ranges = new HashMap<>();
    for (WriterCommitMessage message : messages) {
      if (!(message instanceof RowWriter.Written written)) continue;
      if (!Collections.disjoint(ranges.keySet(), written.partitions().keySet())) {
        throw new SinkException(
            "PLAN_INCOMPATIBLE",
            "Several tasks had rows of one partition of " + settings.topic()
                + ". Leave out minPartitions and maxRecordsPerPartition of the source, or set the option sort.");
      }
      ranges.putAll(written.partitions());
    }
    return ranges;
  }

  private record Writers(Settings settings, Layout layout, Checkpoints.State state)
      implements DataWriterFactory, StreamingDataWriterFactory {
    @Override
    public DataWriter<InternalRow> createWriter(int partition, long task) {
      return new RowWriter(settings, layout, state);
    }

    @Override
    public DataWriter<InternalRow> createWriter(int partition, long task, long epoch) {
      return new RowWriter(settings, layout, state);
    }
  }
}
