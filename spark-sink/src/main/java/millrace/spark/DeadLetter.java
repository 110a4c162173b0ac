package millrace.spark;

import java.nio.charset.StandardCharsets;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * A record that could not be processed. What is written of it is what src/engine/dead-letters.ts writes: its bytes as they were,
 * everything else in headers, and an id by which a repeat of the same failure is the same dead letter.
 *
 * @param version that its row would have had
 */
record DeadLetter(SourceRecord source, long version, String code, String reason) {
  /** Longest reason kept, in characters. */
  private static final int MAX_REASON = 2_000;

  private static final String PREFIX = "millrace.";
  private static final String ORIGINAL = "original.";

  long offset() {
    return source.offset();
  }

  /** @param to the dead-letter topic; the partition is chosen by Kafka's own rule, as on Node */
  ProducerRecord<byte[], byte[]> toRecord(String to, String stage, String topic) {
    String id = stage + "|" + topic + "|" + source.partition() + "|" + source.offset();
    ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(to, bytes(id), source.value());
    String origin =
        "{\"kind\":\"topic\",\"topic\":\"" + topic + "\",\"partition\":" + source.partition() + ",\"offset\":" + source.offset()
            + ",\"version\":" + version + "}";
    record.headers().add(PREFIX + "stage", bytes(stage));
    record.headers().add(PREFIX + "origin", bytes(origin));
    record.headers().add(PREFIX + "code", bytes(code));
    record.headers().add(PREFIX + "reason", bytes(shortened()));
    if (source.key() != null) record.headers().add(PREFIX + "key", source.key());
    source.headers().forEach((name, value) -> record.headers().add(ORIGINAL + name, value));
    return record;
  }

  private String shortened() {
    return reason.length() <= MAX_REASON ? reason : reason.substring(0, MAX_REASON - 1) + "…";
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
