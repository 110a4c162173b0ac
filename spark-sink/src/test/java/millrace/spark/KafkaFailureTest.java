package millrace.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.NotLeaderOrFollowerException;
import org.apache.kafka.common.errors.TimeoutException;
import org.junit.jupiter.api.Test;

class KafkaFailureTest {
  @Test
  void aKeyThatCannotBeReadIsNotTriedAgain() {
    Map<String, Object> properties =
        Map.of(
            "bootstrap.servers", "127.0.0.1:9",
            "security.protocol", "SSL",
            "ssl.keystore.type", "PEM",
            "ssl.keystore.certificate.chain", "none",
            "ssl.keystore.key", "none");
    KafkaException thrown = assertThrows(KafkaException.class, () -> Admin.create(properties).close());
    assertEquals(KafkaFailure.INVALID, KafkaFailure.of(thrown));
  }

  @Test
  void whatMayPassIs() {
    assertEquals(KafkaFailure.UNREACHABLE, KafkaFailure.of(new KafkaException("", new TimeoutException())));
    assertEquals(KafkaFailure.FAILED, KafkaFailure.of(new NotLeaderOrFollowerException()));
  }
}
