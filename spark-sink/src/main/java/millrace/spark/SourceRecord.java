package millrace.spark;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.unsafe.types.UTF8String;

/**
 * The record of Kafka that a row comes from, kept until the row is durable, since it may still become a dead letter.
 *
 * @param key null for a record without one, as {@code value}
 * @param headers of several with one name the last, as everywhere in Millrace; empty where there are none
 * @param bytes of key, value and headers
 */
record SourceRecord(int partition, long offset, byte[] key, byte[] value, Map<String, byte[]> headers, int bytes) {
  private static final UTF8String REPLAY_VERSION = UTF8String.fromString("millrace.replay-version");
  private static final long LARGEST_NUMBER = (1L << 53) - 1;
  private static final int HEADER_FIELDS = 2;
  private static final byte[] NOTHING = {};

  /** Without the bytes, for a sink that makes no dead letters. */
  static SourceRecord coordinates(int partition, long offset) {
    return new SourceRecord(partition, offset, null, null, Map.of(), 0);
  }

  static SourceRecord of(InternalRow row, Layout.Meta meta, int partition, long offset) {
    byte[] key = row.isNullAt(meta.key()) ? null : row.getBinary(meta.key());
    byte[] value = row.isNullAt(meta.value()) ? null : row.getBinary(meta.value());
    Map<String, byte[]> headers = headers(row, meta);
    int bytes = (key == null ? 0 : key.length) + (value == null ? 0 : value.length);
    for (Map.Entry<String, byte[]> header : headers.entrySet()) bytes += header.getKey().length() + header.getValue().length;
    return new SourceRecord(partition, offset, key, value, headers, bytes);
  }

  private static Map<String, byte[]> headers(InternalRow row, Layout.Meta meta) {
    if (row.isNullAt(meta.headers())) return Map.of();
    ArrayData array = row.getArray(meta.headers());
    Map<String, byte[]> headers = new LinkedHashMap<>();
    for (int at = 0; at < array.numElements(); at++) {
      InternalRow header = array.getStruct(at, HEADER_FIELDS);
      headers.put(header.getUTF8String(0).toString(), valueOf(header));
    }
    return headers;
  }

  /** The version that a replayed record keeps; -1 for every other record. Reads no more of the headers than it has to. */
  static long replayVersion(InternalRow row, Layout.Meta meta) {
    if (meta.headers() < 0 || row.isNullAt(meta.headers())) return -1;
    ArrayData array = row.getArray(meta.headers());
    for (int at = array.numElements() - 1; at >= 0; at--) {
      InternalRow header = array.getStruct(at, HEADER_FIELDS);
      if (header.getUTF8String(0).equals(REPLAY_VERSION)) return version(new String(valueOf(header), StandardCharsets.UTF_8));
    }
    return -1;
  }

  private static long version(String text) {
    if (!text.matches("[0-9]{1,16}")) return -1;
    long version = Long.parseLong(text);
    return version <= LARGEST_NUMBER ? version : -1;
  }

  private static byte[] valueOf(InternalRow header) {
    return header.isNullAt(1) ? NOTHING : header.getBinary(1);
  }
}
