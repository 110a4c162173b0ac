package millrace.spark;

import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.metadata.Metadata;
import com.datastax.oss.driver.api.core.metadata.schema.TableMetadata;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.spark.sql.connector.catalog.SupportsWrite;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.catalog.TableProvider;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.connector.read.streaming.ReportsSinkMetrics;
import org.apache.spark.sql.connector.write.LogicalWriteInfo;
import org.apache.spark.sql.connector.write.Write;
import org.apache.spark.sql.connector.write.WriteBuilder;
import org.apache.spark.sql.internal.connector.SupportsStreamingUpdateAsAppend;
import org.apache.spark.sql.sources.DataSourceRegister;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * Tables of Cassandra as Millrace writes them: {@code writeStream.format("millrace.spark.CassandraSink")}, in append or update mode, or
 * {@code write} in append mode. Options and guarantees are in docs/spark-sink.md.
 */
public final class CassandraSink implements TableProvider, DataSourceRegister {
  @Override
  public String shortName() {
    return "millrace-cassandra";
  }

  /** Any: it is compared with the table's once there is a query. */
  @Override
  public StructType inferSchema(CaseInsensitiveStringMap options) {
    return new StructType();
  }

  /** @throws SinkException CONFIG_INVALID, TABLE_UNKNOWN, PARTITION_LOST, DATABASE_…, LOG_… before the query starts */
  @Override
  public Table getTable(StructType schema, Transform[] partitioning, Map<String, String> options) {
    Settings settings = Settings.from(options, System.getenv());
    describe(settings);
    if (settings.group() != null) new GroupOffsets(settings).refuseMembers();
    return new SinkTable(settings.table(), new LastBatch());
  }

  /** As the driver knows it, and as the cluster has it if the driver does not. */
  private static TableMetadata describe(Settings settings) {
    try (var lease = Connections.lease(settings.cluster(), settings.limits().retryFor())) {
      CqlSession session = lease.value();
      return find(session.getMetadata(), settings.table())
          .or(() -> find(session.refreshSchema(), settings.table()))
          .orElseThrow(() -> new SinkException("TABLE_UNKNOWN", "There is no table " + settings.table() + "."));
    }
  }

  private static Optional<TableMetadata> find(Metadata metadata, Settings.TableName name) {
    return metadata
        .getKeyspace(CqlIdentifier.fromInternal(name.keyspace()))
        .flatMap(keyspace -> keyspace.getTable(CqlIdentifier.fromInternal(name.name())));
  }

  private record SinkTable(Settings.TableName table, LastBatch lastBatch) implements SupportsWrite, ReportsSinkMetrics {
    @Override
    public String name() {
      return "Cassandra " + table;
    }

    /** What progress and plans show. */
    @Override
    public String toString() {
      return name();
    }

    @Override
    @SuppressWarnings("deprecation")
    public StructType schema() {
      return new StructType();
    }

    @Override
    public Set<TableCapability> capabilities() {
      return Set.of(TableCapability.BATCH_WRITE, TableCapability.STREAMING_WRITE, TableCapability.ACCEPT_ANY_SCHEMA);
    }

    @Override
    public WriteBuilder newWriteBuilder(LogicalWriteInfo info) {
      return new SinkWriteBuilder(info, lastBatch);
    }

    @Override
    public Map<String, String> metrics() {
      return lastBatch.metrics();
    }
  }

  /** In update mode, too, every row is an upsert. */
  private record SinkWriteBuilder(LogicalWriteInfo info, LastBatch lastBatch) implements WriteBuilder, SupportsStreamingUpdateAsAppend {
    @Override
    public Write build() {
      Settings settings = Settings.from(info.options().asCaseSensitiveMap(), System.getenv());
      String checkpoint = info.options().get("checkpointLocation");
      return new SinkWrite(settings, Layout.of(info.schema(), describe(settings), settings), checkpoint, lastBatch);
    }
  }
}
