package millrace.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SettingsTest {
  private static final Map<String, String> NEEDED =
      Map.of(
          "contactPoints", "10.0.0.1:9142, 10.0.0.2",
          "localDataCenter", "dc1",
          "table", "shop.orders",
          "stage", "orders/priority",
          "topic", "orders");

  private static Settings with(Map<String, String> more) {
    Map<String, String> all = new HashMap<>(NEEDED);
    all.putAll(more);
    return Settings.from(all, Map.of("PASSWORD", "from the environment"));
  }

  @Test
  void haveTheDefaultsThatTheDocumentationNames() {
    Settings settings = with(Map.of());
    assertEquals(List.of("10.0.0.1:9142", "10.0.0.2"), settings.cluster().contactPoints());
    assertEquals("LOCAL_QUORUM", settings.cluster().consistency());
    assertEquals(Duration.ofSeconds(5), settings.cluster().timeout());
    assertNull(settings.cluster().credentials());
    assertNull(settings.cluster().tls());
    assertEquals(new Settings.MetaColumn("_offset", true), settings.meta().offset());
    assertEquals(new Settings.MetaColumn("_code", false), settings.meta().code());
    assertNull(settings.group());
    assertEquals(new Settings.Limits(8, 16 << 20, 1 << 20, Duration.ofMinutes(5)), settings.limits());
    assertFalse(settings.appendOnly() || settings.sort());
  }

  /** Spark gives names of options in lower case to a table, and as they were written to a write. */
  @Test
  void areTheSameHoweverTheirNamesAreWritten() {
    Map<String, String> lower = new HashMap<>();
    NEEDED.forEach((name, value) -> lower.put(name.toLowerCase(java.util.Locale.ROOT), value));
    assertEquals(with(Map.of()), Settings.from(lower, Map.of()));
  }

  @Test
  void takeSecretsFromTheEnvironmentAndNeverShowThem() {
    Settings settings =
        with(
            Map.of(
                "user", "ada", "passwordEnv", "PASSWORD", "tls", "true", "tls.trustStore", "trust.p12",
                "tls.trustStorePassword", "written out"));
    assertEquals("from the environment", settings.cluster().credentials().password());
    assertEquals("written out", settings.cluster().tls().trustStorePassword());
    assertTrue(settings.toString().contains("ada"));
    assertFalse(settings.toString().contains("from the environment"), settings.toString());
    assertFalse(settings.toString().contains("written out"), settings.toString());
  }

  @Test
  void doNotConnectInTheClearWhereTlsWasMeant() {
    SinkException error = assertThrows(SinkException.class, () -> with(Map.of("tls.ca", "ca.pem")));
    assertEquals("CONFIG_INVALID: option tls: Options of TLS are given, and tls is not true.", error.getMessage());
  }

  @Test
  void takeTheGroupAndWhatKafkasClientsNeed() {
    Map<String, String> given =
        Map.of("group", "orders.priority", "kafka.bootstrap.servers", "k:9092", "kafka.sasl.jaas.config", "s3cret", "checkpoint", "c1");
    Settings settings = with(given);
    Map<String, String> kafka = Map.of("bootstrap.servers", "k:9092", "sasl.jaas.config", "s3cret");
    assertEquals(new Settings.Group("orders.priority", "c1", null, kafka), settings.group());
    assertFalse(settings.toString().contains("s3cret"), settings.toString());
    assertFalse(settings.meta().headers().required());

    Map<String, String> deadLetters = new HashMap<>(given);
    deadLetters.putAll(Map.of("deadLetters", "true", "deadLetterTopic", "orders.dlq"));
    assertEquals("orders.dlq", with(deadLetters).group().deadLetterTopic());
    assertTrue(with(deadLetters).meta().headers().required());
    assertTrue(with(Map.of("deletedColumn", "gone")).meta().deleted().required());
  }

  @ParameterizedTest
  @CsvSource({
    "deadLetters, true, group, 'It is not given, and needed for deadLetters, checkpoint and kafka.*.'",
    "kafka.acks, 1, group, 'It is not given, and needed for deadLetters, checkpoint and kafka.*.'",
    "group, g, kafka.bootstrap.servers, 'It is not given, and needed for group.'",
  })
  void refuseHalfAGroup(String name, String value, String option, String message) {
    SinkException error = assertThrows(SinkException.class, () -> with(Map.of(name, value)));
    assertEquals("CONFIG_INVALID: option " + option + ": " + message, error.getMessage());
  }

  @ParameterizedTest
  @CsvSource({
    "consistency, MOST, There is no consistency MOST.",
    "contactPoints, 'a b', a b is not host or host:port.",
    "contactPonts, a, There is no such option.",
    "table, orders, orders is not keyspace.table.",
    "stage, '', It is not given.",
    "requestsInFlight, 0, 0 is not a whole number from 1 to 1024.",
    "maxRowBytes, 16777216, 16777216 is not a whole number from 1 to 15728640.",
    "retryFor, 5, '5 is not a duration such as 500ms, 5s or 10m.'",
    "appendOnly, yes, yes is neither true nor false.",
    "user, ada, 'Give both user and password, or neither.'",
    "passwordEnv, NOT_SET, The environment variable NOT_SET is not set where Spark's driver runs.",
    "tls, maybe, maybe is neither true nor false.",
  })
  void refuseWhatMakesNoSense(String name, String value, String message) {
    SinkException error = assertThrows(SinkException.class, () -> with(Map.of(name, value)));
    assertEquals("CONFIG_INVALID: option " + name + ": " + message, error.getMessage());
  }
}
