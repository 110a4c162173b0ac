package millrace.spark;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.errors.InterruptException;

/**
 * The connections to Kafka of this JVM, with the client that Spark's Kafka source brings. Nothing of it is loaded for a query without
 * the option {@code group}.
 */
final class KafkaClients {
  private static final Pool<Map<String, String>, Admin> ADMINS = new Pool<>(admin -> admin.close(Duration.ZERO));
  private static final Pool<ProducerKey, DeadLetterProducer> PRODUCERS = new Pool<>(DeadLetterProducer::close);

  private KafkaClients() {}

  private record ProducerKey(Settings.Group group, String topic, int partition) {}

  static Pool<Map<String, String>, Admin>.Lease admin(Settings.Group group) {
    return ADMINS.lease(group.kafka(), () -> Admin.create(new HashMap<>(group.kafka())));
  }

  /** Of one partition of the stage's topic; the first use fences those that other processes have of it. */
  static Pool<ProducerKey, DeadLetterProducer>.Lease deadLetters(Settings.Group group, String topic, int partition) {
    return PRODUCERS.lease(new ProducerKey(group, topic, partition), () -> DeadLetterProducer.open(group, topic, partition));
  }

  /** @throws CompletionException with the reason */
  static <T> T await(KafkaFuture<T> answer) {
    try {
      return answer.get();
    } catch (ExecutionException failed) {
      throw new CompletionException(failed.getCause());
    } catch (InterruptedException interrupted) {
      throw new InterruptException(interrupted);
    }
  }
}
