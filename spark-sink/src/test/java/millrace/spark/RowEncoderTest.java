package millrace.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.Decimal;
import org.apache.spark.unsafe.types.UTF8String;
import org.junit.jupiter.api.Test;

class RowEncoderTest {
  private static final Settings SETTINGS =
      Settings.from(
          Map.of(
              "contactPoints", "a", "localDataCenter", "dc1", "table", "shop.orders", "stage", "orders/priority", "topic", "orders",
              "maxRowBytes", "100"),
          Map.of());

  /** A table with one column that is the key and one of the type in question. */
  private static EncodedRow encode(Object key, ColumnType type, DataType sparkType, Object value, boolean deleted) {
    Layout layout =
        new Layout(
            List.of(
                new Layout.Column("value", 0, sparkType, type, false),
                new Layout.Column("id", 1, DataTypes.StringType, ColumnType.TEXT, true)),
            List.of(1), 1, new Layout.Meta(2, 3, 4, -1, -1, -1, -1, -1, -1, -1));
    GenericInternalRow row = new GenericInternalRow(new Object[] {value, key});
    return new RowEncoder(SETTINGS, layout).encode(row, 9, deleted, SourceRecord.coordinates(3, 77));
  }

  private static UTF8String text(String value) {
    return UTF8String.fromString(value);
  }

  private static String hex(ByteBuffer bytes) {
    byte[] copy = new byte[bytes.remaining()];
    bytes.duplicate().get(copy);
    return HexFormat.of().formatHex(copy);
  }

  private static String bytesOf(ColumnType type, DataType sparkType, Object value) {
    return hex(encode(text("k"), type, sparkType, value, false).values()[0]);
  }

  private static String refusal(Object key, ColumnType type, DataType sparkType, Object value) {
    return assertThrows(RowRejected.class, () -> encode(key, type, sparkType, value, false)).getMessage();
  }

  @Test
  void valuesAreCassandrasBytes() {
    assertEquals("5a6fc3ab", bytesOf(ColumnType.TEXT, DataTypes.StringType, text("Zoë")));
    assertEquals("", bytesOf(ColumnType.TEXT, DataTypes.StringType, text("")));
    assertEquals("01", bytesOf(ColumnType.BOOLEAN, DataTypes.BooleanType, true));
    assertEquals("fffffffe", bytesOf(ColumnType.INT, DataTypes.IntegerType, -2));
    assertEquals("001fffffffffffff", bytesOf(ColumnType.BIGINT, DataTypes.LongType, 9_007_199_254_740_991L));
    assertEquals("8000000000000000", bytesOf(ColumnType.DOUBLE, DataTypes.DoubleType, -0.0));
    assertEquals("00000002fb2e", bytesOf(ColumnType.DECIMAL, DataTypes.createDecimalType(12, 2), Decimal.apply(-1234, 12, 2)));
    String uuid = "0B6F2C1E-8f5a-4b7e-9f64-000000000001";
    assertEquals("0b6f2c1e8f5a4b7e9f64000000000001", bytesOf(ColumnType.UUID, DataTypes.StringType, text(uuid)));
  }

  @Test
  void timesAreMillisecondsRoundedDown() {
    assertEquals("0000000000000001", bytesOf(ColumnType.TIMESTAMP, DataTypes.TimestampType, 1_999L));
    assertEquals("ffffffffffffffff", bytesOf(ColumnType.TIMESTAMP, DataTypes.TimestampType, -1L));
  }

  @Test
  void aNullIsWrittenAndTheVersionComesLast() {
    EncodedRow row = encode(text("k"), ColumnType.INT, DataTypes.IntegerType, null, false);
    assertNull(row.values()[0]);
    assertEquals("6b", hex(row.values()[1]));
    assertEquals("0000000000000009", hex(row.values()[2]));
  }

  @Test
  void aDeleteHasTheVersionAndTheKey() {
    EncodedRow row = encode(text("k"), ColumnType.INT, DataTypes.IntegerType, 5, true);
    assertEquals(2, row.values().length);
    assertEquals("0000000000000009", hex(row.values()[0]));
    assertEquals("6b", hex(row.values()[1]));
  }

  @Test
  void whatCanNeverBeWrittenIsRefusedInTheWordsOfTheNodeAdapter() {
    assertEquals("Column id takes text; the row has null. (shop.orders.id)", refusal(null, ColumnType.INT, DataTypes.IntegerType, 1));
    assertEquals("Column id takes text that is not empty; the row has string. (shop.orders.id)", refusal(text(""), ColumnType.INT, DataTypes.IntegerType, 1));
    assertEquals("Column value takes a UUID; the row has string. (shop.orders.value)", refusal(text("k"), ColumnType.UUID, DataTypes.StringType, text("1-1-1-1-1")));
    assertEquals("Column value takes a number; the row has number. (shop.orders.value)", refusal(text("k"), ColumnType.DOUBLE, DataTypes.DoubleType, Double.NaN));
    String whole = "Column value takes a whole number within ±(2^53 − 1); the row has number. (shop.orders.value)";
    assertEquals(whole, refusal(text("k"), ColumnType.BIGINT, DataTypes.LongType, Long.MIN_VALUE));
    String large = "x".repeat(80);
    assertEquals("The row has 101 bytes; the limit is 100. (shop.orders)", refusal(text("k"), ColumnType.TEXT, DataTypes.StringType, text(large)));
  }

  /** As src/adapters/cassandra/row-encoder.ts counts them, so that no row is taken on one target only (G10). */
  @Test
  void aRowIsAsLargeAsItIsOnNode() {
    String uuid = "0b6f2c1e-8f5a-4b7e-9f64-000000000001";
    assertEquals("The row has 101 bytes; the limit is 100. (shop.orders)", refusal(text("k".repeat(65)), ColumnType.UUID, DataTypes.StringType, text(uuid)));
    assertEquals("The row has 101 bytes; the limit is 100. (shop.orders)", refusal(text("k".repeat(80)), ColumnType.BOOLEAN, DataTypes.BooleanType, true));
    assertEquals("The row has 101 bytes; the limit is 100. (shop.orders)", refusal(text("k".repeat(81)), ColumnType.INT, DataTypes.IntegerType, null));
    Decimal number = Decimal.apply(-1234, 12, 2);
    assertEquals("The row has 101 bytes; the limit is 100. (shop.orders)", refusal(text("k".repeat(75)), ColumnType.DECIMAL, DataTypes.createDecimalType(12, 2), number));
  }
}
