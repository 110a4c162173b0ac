package millrace.spark;

import java.nio.ByteBuffer;
import org.apache.spark.sql.catalyst.InternalRow;

/** Checks rows and turns them into the values of their statement, in Cassandra's bytes. */
final class RowEncoder {
  /** Cassandra's limit for one value of a key, in bytes. */
  private static final int MAX_KEY_BYTES = 65_535;

  /** Each value goes after its length. */
  private static final int LENGTH_BYTES = 4;

  private final Settings settings;
  private final Layout layout;

  RowEncoder(Settings settings, Layout layout) {
    this.settings = settings;
    this.layout = layout;
  }

  /** @throws RowRejected for a row that can never be written, with the first reason that the Node adapter would find */
  EncodedRow encode(InternalRow row, long version, boolean deleted, SourceRecord source) {
    int count = deleted ? layout.key().size() : layout.columns().size();
    ByteBuffer[] values = new ByteBuffer[count + 1];
    int first = deleted ? 1 : 0;
    int bytes = LENGTH_BYTES + Long.BYTES;
    values[deleted ? 0 : count] = ByteBuffer.allocate(8).putLong(version).flip();
    for (int i = 0; i < count; i++) {
      ByteBuffer value = valueOf(row, column(i, deleted));
      values[first + i] = value;
      bytes += LENGTH_BYTES + (value == null ? 0 : value.remaining());
    }
    int limit = settings.limits().maxRowBytes();
    if (bytes > limit) throw tooLarge("has " + bytes + " bytes; the limit is " + limit);
    for (int i = 0; i < count; i++) checkKey(column(i, deleted), values[first + i]);
    return new EncodedRow(values, bytes, version, deleted, source);
  }

  private Layout.Column column(int at, boolean deleted) {
    return layout.columns().get(deleted ? layout.key().get(at) : at);
  }

  private ByteBuffer valueOf(InternalRow row, Layout.Column column) {
    if (row.isNullAt(column.ordinal())) {
      if (column.inKey()) throw wrongValue(column, column.type().takes(), "null");
      return null;
    }
    try {
      return column.type().encode(row, column.ordinal(), column.sparkType());
    } catch (ColumnType.ValueRefused refused) {
      throw wrongValue(column, column.type().takes(), refused.getMessage());
    }
  }

  private void checkKey(Layout.Column column, ByteBuffer value) {
    if (!column.inKey()) return;
    if (value.remaining() == 0) throw wrongValue(column, "text that is not empty", "string");
    if (value.remaining() > MAX_KEY_BYTES) {
      throw tooLarge("has more than " + MAX_KEY_BYTES + " bytes in " + column.name() + ", which is in the key");
    }
  }

  private RowRejected wrongValue(Layout.Column column, String takes, String found) {
    String message = "Column " + column.name() + " takes " + takes + "; the row has " + found + ".";
    return new RowRejected(message, settings.table() + "." + column.name());
  }

  private RowRejected tooLarge(String what) {
    return new RowRejected("The row " + what + ".", settings.table().toString());
  }
}
