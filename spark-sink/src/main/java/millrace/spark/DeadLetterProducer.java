package millrace.spark;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Appends the dead letters of one partition, each append in one transaction with the note of how far they are: so whoever does the same
 * work again, also at the same moment, appends none twice (G5). Broken after a failure.
 */
final class DeadLetterProducer {
  /** A dead letter is as large as its record with its headers; its topic says how large that may be. Also what is held of them. */
  private static final int MAX_BYTES = 64 << 20;

  private final KafkaProducer<byte[], byte[]> producer;
  private final Settings.Group group;
  private final TopicPartition source;

  /** Dead letters of offsets before this one are durable. Nobody moves it while this producer is not fenced. */
  private long mark;

  private DeadLetterProducer(Settings.Group group, TopicPartition source) {
    this.group = group;
    this.source = source;
    String id = group.ofDeadLetters() + ".spark." + source.partition();
    Map<String, Object> properties = new HashMap<>(group.kafka());
    properties.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, id);
    properties.put(ProducerConfig.CLIENT_ID_CONFIG, id);
    properties.put(ProducerConfig.ACKS_CONFIG, "all");
    properties.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, MAX_BYTES);
    properties.put(ProducerConfig.BUFFER_MEMORY_CONFIG, (long) MAX_BYTES);
    this.producer = new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
  }

  static DeadLetterProducer open(Settings.Group group, String topic, int partition) {
    DeadLetterProducer opened = new DeadLetterProducer(group, new TopicPartition(topic, partition));
    try {
      opened.takeOver();
    } catch (RuntimeException error) {
      opened.close();
      throw error;
    }
    return opened;
  }

  /** What another producer of the same id has under way is over before the mark is read. */
  private void takeOver() {
    producer.initTransactions();
    try (var lease = KafkaClients.admin(group)) {
      History.Mark read = GroupOffsets.read(lease.value(), group.ofDeadLetters(), source.topic()).get(source.partition());
      mark = read == null ? 0 : read.next();
    }
  }

  /**
   * @param letters by offset
   * @param standing where the partition stands: dead letters of all offsets before it are among these, or durable
   */
  synchronized void append(List<DeadLetter> letters, History.Mark standing, String stage) {
    List<DeadLetter> fresh = letters.stream().filter(letter -> letter.offset() >= mark).toList();
    if (fresh.isEmpty()) return;
    producer.beginTransaction();
    for (DeadLetter letter : fresh) {
      ProducerRecord<byte[], byte[]> record = letter.toRecord(group.deadLetterTopic(), stage, source.topic());
      producer.send(record);
    }
    producer.sendOffsetsToTransaction(Map.of(source, GroupOffsets.toCommit(standing, null)), new ConsumerGroupMetadata(group.ofDeadLetters()));
    producer.commitTransaction();
    mark = standing.next();
  }

  /** At once: a transaction that is open is aborted by the next producer of this id, or by the broker after its `transaction.timeout.ms`. */
  void close() {
    producer.close(Duration.ZERO);
  }
}
