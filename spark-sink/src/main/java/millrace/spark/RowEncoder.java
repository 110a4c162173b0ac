package millrace.spark;

import java.nio.ByteBuffer;
import org.apache.spark.sql.catalyst.InternalRow;

/** Checks rows and turns them into the values of their statement, in Cassandra's bytes. */
final class RowEncoder {
  /** Cassandra's limit for one value of a key, in bytes. */
  private static final int MAX_KEY_BYTES = 65_535;

  private final Settings settings;
  private final Layout layout;

  RowEncoder(Settings settings, Layout layout) {
    this.settings = settings;
    this.layout = layout;
  }

  /** @throws SinkException RECORD_REJECTED, naming the record, for a row that can never be written */
  EncodedRow encode(InternalRow row, int partition, long offset, long version, boolean deleted) {
    int count = deleted ? layout.key().size() : layout.columns().size();
    ByteBuffer[] values = new ByteBuffer[count + 1];
    int first = deleted ? 1 : 0;
    int bytes = 8;
    values[deleted ? 0 : count] = ByteBuffer.allocate(8).putLong(version).flip();
    for (int i = 0; i < count; i++) {
      Layout.Column column = layout.columns().get(deleted ? layout.key().get(i) : i);
      ByteBuffer value = valueOf(row, column, partition, offset);
      values[first + i] = value;
      if (value != null) bytes += value.remaining();
    }
    if (bytes > settings.limits().maxRowBytes()) {
      String reason = "has " + bytes + " bytes; the limit is " + settings.limits().maxRowBytes();
      throw rejected(settings.table().toString(), reason, partition, offset);
    }
    return new EncodedRow(values, bytes, deleted, partition, offset);
  }

  private ByteBuffer valueOf(InternalRow row, Layout.Column column, int partition, long offset) {
    try {
      if (row.isNullAt(column.ordinal())) {
        if (column.inKey()) throw new ColumnType.ValueRefused("is null, and in the primary key");
        return null;
      }
      ByteBuffer value = column.type().encode(row, column.ordinal(), column.sparkType());
      if (column.inKey() && value.remaining() == 0) throw new ColumnType.ValueRefused("is empty, and in the primary key");
      if (column.inKey() && value.remaining() > MAX_KEY_BYTES) {
        throw new ColumnType.ValueRefused("has more than " + MAX_KEY_BYTES + " bytes, and is in the primary key");
      }
      return value;
    } catch (ColumnType.ValueRefused refused) {
      throw rejected(settings.table() + "." + column.name(), refused.getMessage(), partition, offset);
    }
  }

  private SinkException rejected(String place, String reason, int partition, long offset) {
    return new SinkException("RECORD_REJECTED", place + " of " + settings.topic() + "[" + partition + "] offset " + offset + " " + reason + ".");
  }
}
