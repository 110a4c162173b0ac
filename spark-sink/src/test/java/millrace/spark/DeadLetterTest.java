package millrace.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.util.GenericArrayData;
import org.apache.spark.unsafe.types.UTF8String;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DeadLetterTest {
  private static final Layout.Meta META = new Layout.Meta(-1, -1, -1, -1, -1, -1, -1, 0, 1, 2);

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** A row with key, value and headers, as Spark's Kafka source gives them. */
  private static InternalRow row(byte[] key, byte[] value, Map.Entry<String, byte[]>... headers) {
    Object[] structs =
        Arrays.stream(headers)
            .map(each -> new GenericInternalRow(new Object[] {UTF8String.fromString(each.getKey()), each.getValue()}))
            .toArray();
    return new GenericInternalRow(new Object[] {key, value, structs.length == 0 ? null : new GenericArrayData(structs)});
  }

  private static Map.Entry<String, byte[]> header(String name, String value) {
    return new java.util.AbstractMap.SimpleEntry<>(name, value == null ? null : bytes(value));
  }

  private static Map<String, String> headers(ProducerRecord<byte[], byte[]> record) {
    Map<String, String> headers = new LinkedHashMap<>();
    record.headers().forEach(each -> headers.put(each.key(), new String(each.value(), StandardCharsets.UTF_8)));
    return headers;
  }

  @Test
  void hasTheFormOfTheNodeEngines() {
    InternalRow row = row(bytes("k"), bytes("v"), header("twice", "1"), header("empty", null), header("twice", "2"));
    SourceRecord source = SourceRecord.of(row, META, 3, 77);
    ProducerRecord<byte[], byte[]> record =
        new DeadLetter(source, 9, "RECORD_UNDECODABLE", "The record is empty.").toRecord("users.dlq", "shop/orders", "users");
    assertEquals("users.dlq", record.topic());
    assertEquals("shop/orders|users|3|77", new String(record.key(), StandardCharsets.UTF_8));
    assertArrayEquals(bytes("v"), record.value());
    Map<String, String> headers = headers(record);
    assertEquals("{\"kind\":\"topic\",\"topic\":\"users\",\"partition\":3,\"offset\":77,\"version\":9}", headers.get("millrace.origin"));
    assertEquals("2", headers.get("original.twice"));
    assertEquals("", headers.get("original.empty"));
    List<String> names =
        List.of("millrace.stage", "millrace.origin", "millrace.code", "millrace.reason", "millrace.key", "original.twice", "original.empty");
    assertEquals(names, List.copyOf(headers.keySet()));
  }

  @Test
  void hasNeitherKeyNorValueWhereTheRecordHasNone() {
    SourceRecord source = SourceRecord.of(row(null, null), META, 0, 1);
    String reason = "x".repeat(2_001);
    ProducerRecord<byte[], byte[]> record = new DeadLetter(source, 9, "RECORD_REJECTED", reason).toRecord("d", "s", "t");
    assertEquals(null, record.value());
    assertEquals("x".repeat(1_999) + "…", headers(record).get("millrace.reason"));
    assertEquals(4, headers(record).size());
  }

  @ParameterizedTest
  @CsvSource({"7, 7", "9007199254740991, 9007199254740991", "9007199254740992, -1", "soon, -1", "'', -1", "-3, -1", "12345678901234567, -1"})
  void aReplayedRecordKeepsItsVersion(String text, long version) {
    InternalRow row = row(null, null, header("millrace.replay-version", "3"), header("other", "x"), header("millrace.replay-version", text));
    assertEquals(version, SourceRecord.replayVersion(row, META));
    assertEquals(-1, SourceRecord.replayVersion(row(null, null), META));
    assertEquals(-1, SourceRecord.replayVersion(row(null, null, header("other", text)), META));
  }
}
