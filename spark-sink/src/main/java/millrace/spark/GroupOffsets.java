package millrace.spark;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsOptions;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * The offsets of the stage's consumer group: how far it is, for everything that shows a lag and for a worker on Node that takes over.
 * With each goes the version of the last record before it, as {@code commitMetadata} in src/engine/stream-writer.ts writes it.
 */
final class GroupOffsets {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Settings.Group group;
  private final String topic;
  private final Duration retryFor;

  GroupOffsets(Settings settings) {
    this.group = settings.group();
    this.topic = settings.topic();
    this.retryFor = settings.limits().retryFor();
  }

  /** By partition; waits while a transaction with a commit of the group is ending. */
  Map<Integer, History.Mark> read() {
    return persist(admin -> read(admin, group.name(), topic));
  }

  static Map<Integer, History.Mark> read(Admin admin, String group, String topic) {
    Map<Integer, History.Mark> marks = new HashMap<>();
    commits(admin, group, topic)
        .forEach((partition, commit) -> marks.put(partition.partition(), new History.Mark(commit.offset(), versionIn(commit.metadata()))));
    return marks;
  }

  private static Map<TopicPartition, OffsetAndMetadata> commits(Admin admin, String group, String topic) {
    ListConsumerGroupOffsetsOptions stable = new ListConsumerGroupOffsetsOptions().requireStable(true);
    Map<TopicPartition, OffsetAndMetadata> commits = new HashMap<>();
    KafkaClients.await(admin.listConsumerGroupOffsets(group, stable).partitionsToOffsetAndMetadata())
        .forEach((partition, commit) -> {
          if (commit != null && partition.topic().equals(topic)) commits.put(partition, commit);
        });
    return commits;
  }

  /**
   * Commits what is committed, which changes nothing.
   *
   * @throws SinkException PARTITION_LOST if the group has members, which do the stage's work
   */
  void refuseMembers() {
    persist(admin -> alter(admin, commits(admin, group.name(), topic)));
  }

  /** @throws SinkException PARTITION_LOST while the group has members */
  void commit(Map<Integer, History.Mark> marks) {
    Map<TopicPartition, OffsetAndMetadata> commits = new HashMap<>();
    marks.forEach((partition, mark) -> commits.put(new TopicPartition(topic, partition), toCommit(mark, group.checkpoint())));
    persist(admin -> alter(admin, commits));
  }

  private Void alter(Admin admin, Map<TopicPartition, OffsetAndMetadata> commits) {
    if (commits.isEmpty()) return null;
    try {
      return KafkaClients.await(admin.alterConsumerGroupOffsets(group.name(), commits).all());
    } catch (CompletionException error) {
      if (KafkaFailure.of(error) != KafkaFailure.HAS_MEMBERS) throw error;
      String message = "The consumer group " + group.name() + " has members. Stop the workers of the stage on Node first.";
      throw new SinkException(KafkaFailure.HAS_MEMBERS.code(), message, error.getCause());
    }
  }

  /** @param checkpoint null for a commit that names none */
  static OffsetAndMetadata toCommit(History.Mark mark, String checkpoint) {
    ObjectNode metadata = JSON.createObjectNode().put("version", mark.version());
    if (checkpoint != null) metadata.put("checkpoint", checkpoint);
    return new OffsetAndMetadata(mark.next(), metadata.toString());
  }

  /** 0 for a commit of another tool, such as one that moves a group back. */
  static long versionIn(String metadata) {
    try {
      JsonNode version = JSON.readTree(metadata).path("version");
      return version.isIntegralNumber() && version.canConvertToLong() ? version.longValue() : 0;
    } catch (JsonProcessingException notOurs) {
      return 0;
    }
  }

  private interface Work<T> {
    T with(Admin admin);
  }

  private <T> T persist(Work<T> work) {
    Supplier<T> once =
        () -> {
          try (var lease = KafkaClients.admin(group)) {
            return work.with(lease.value());
          }
        };
    return Retry.persist(retryFor, "Offsets of the consumer group " + group.name(), KafkaFailure::of, once);
  }
}
