package millrace.spark;

import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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
  private final String checkpointLocation;
  private final LastBatch lastBatch;
  private Checkpoints.State state;

  /** @param checkpointLocation of the query; null for a batch query */
  SinkWrite(Settings settings, Layout layout, String checkpointLocation, LastBatch lastBatch) {
    this.settings = settings;
    this.layout = layout;
    this.checkpointLocation = checkpointLocation;
    this.lastBatch = lastBatch;
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
    return Distributions.clustered(new Expression[] {column(settings.meta().partition().name())});
  }

  @Override
  public SortOrder[] requiredOrdering() {
    if (!settings.sort()) return new SortOrder[0];
    return new SortOrder[] {ascending(settings.meta().partition().name()), ascending(settings.meta().offset().name())};
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

  /** Two attempts of a task may both end: they write the same rows, and dead letters once. Asking the driver first takes its time. */
  @Override
  public boolean useCommitCoordinator() {
    return false;
  }

  @Override
  public void commit(WriterCommitMessage[] messages) {
    commit(messages, Map.of());
  }

  /** Spark repeats a batch whose end it did not record; its rows then get the versions they had. */
  @Override
  public void commit(long epoch, WriterCommitMessage[] messages) {
    boolean asksForEnds = settings.group() != null && checkpointLocation != null;
    commit(messages, asksForEnds ? SourceOffsets.of(checkpointLocation, epoch, settings.topic()) : Map.of());
  }

  /** @param ends up to where the batch has read, as far as is known */
  private void commit(WriterCommitMessage[] messages, Map<Integer, Long> ends) {
    Map<Integer, History> after = new HashMap<>(state.histories());
    Map<Integer, Long> next = new HashMap<>(ends);
    List<Written> written = Arrays.stream(messages).filter(Objects::nonNull).map(Written::of).toList();
    Map<Integer, Written.Range> ranges = merge(written);
    ranges.forEach(
        (partition, range) -> {
          after.put(partition, state.history(partition).after(range.first(), range.mark()));
          next.merge(partition, range.mark().next(), Math::max);
        });
    try (var lease = Connections.lease(settings.cluster(), settings.limits().retryFor())) {
      Map<Integer, History> moved = new HashMap<>(after);
      moved.keySet().retainAll(ranges.keySet());
      new Checkpoints(settings, lease.value()).store(moved, state.at());
    }
    if (settings.group() != null) new GroupOffsets(settings).commit(forward(next, after));
    Written.Counts counts = written.stream().map(Written::counts).reduce(Written.Counts.NONE, Written.Counts::plus);
    lastBatch.report(counts, new Checkpoints.Stored(after, state.at()));
  }

  /** The group never goes back: what is before its offsets is durable, whoever did it. */
  private Map<Integer, History.Mark> forward(Map<Integer, Long> next, Map<Integer, History> histories) {
    Map<Integer, History.Mark> marks = new HashMap<>();
    next.forEach(
        (partition, offset) -> {
          History.Mark committed = state.committed().get(partition);
          if (committed != null && committed.next() > offset) return;
          long version = histories.getOrDefault(partition, History.EMPTY).versionBefore(offset);
          marks.put(partition, new History.Mark(offset, version));
        });
    return marks;
  }

  /** What was written stays: the same rows will be written again. */
  @Override
  public void abort(WriterCommitMessage[] messages) {}

  @Override
  public void abort(long epoch, WriterCommitMessage[] messages) {}

  private Writers writers() {
    Map<Integer, History.Mark> committed = settings.group() == null ? Map.of() : new GroupOffsets(settings).read();
    Checkpoints.Stored stored = lastBatch.stored();
    state = (stored == null ? read() : stored).next(committed);
    return new Writers(settings, layout, state);
  }

  private Checkpoints.Stored read() {
    try (var lease = Connections.lease(settings.cluster(), settings.limits().retryFor())) {
      return new Checkpoints(settings, lease.value()).read();
    }
  }

  /** A partition's versions are one sequence, so one task has to give them. */
  private Map<Integer, Written.Range> merge(List<Written> tasks) {
    Map<Integer, Written.Range> ranges = new HashMap<>();
    for (Written written : tasks) {
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
