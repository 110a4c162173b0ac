package millrace.spark;

import java.io.Serializable;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.LongUnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The options of a write, checked, with defaults and with the secrets that they name in the environment. */
record Settings(
    Cluster cluster,
    TableName table,
    String stage,
    String topic,
    MetaColumns meta,
    boolean appendOnly,
    boolean sort,
    Limits limits,
    Group group)
    implements Serializable {

  private static final long LARGEST_ROW_BYTES = 15L << 20;

  private static final Set<String> CONSISTENCIES =
      Set.of("ONE", "TWO", "THREE", "QUORUM", "ALL", "LOCAL_ONE", "LOCAL_QUORUM", "EACH_QUORUM");

  /** Before the properties of Kafka's clients. */
  private static final String KAFKA = "kafka.";

  /** Names of options in lower case, since Spark does not tell them apart by case; {@code path} is what {@code start(…)} adds. */
  private static final Set<String> KNOWN =
      Set.of(
          "contactpoints", "localdatacenter", "consistency", "timeout", "user", "password", "passwordenv", "tls", "tls.ca",
          "tls.cert", "tls.key", "tls.keypassword", "tls.keypasswordenv", "tls.truststore", "tls.truststorepassword",
          "tls.truststorepasswordenv", "table", "stage", "topic", "partitioncolumn", "offsetcolumn", "timestampcolumn",
          "topiccolumn",
          "deletedcolumn", "codecolumn", "reasoncolumn", "keycolumn", "valuecolumn", "headerscolumn", "filteredcolumn",
          "group", "checkpoint", "deadletters", "deadlettertopic", "appendonly", "sort", "requestsinflight", "bytesinflight", "maxrowbytes",
          "retryfor", "checkpointlocation", "path", "queryname", "asyncprogresstrackingenabled");

  /** Everything that makes one connection differ from another. */
  record Cluster(
      List<String> contactPoints,
      String localDataCenter,
      String consistency,
      Duration timeout,
      String keyspace,
      Credentials credentials,
      Tls tls)
      implements Serializable {}

  /** Null where the cluster asks for none. */
  record Credentials(String user, String password) implements Serializable {
    @Override
    public String toString() {
      return "Credentials[" + user + "]";
    }
  }

  /** Files as seen by the driver and by every executor; null for those not given. */
  record Tls(String ca, String cert, String key, String keyPassword, String trustStore, String trustStorePassword)
      implements Serializable {
    @Override
    public String toString() {
      return "Tls[" + (ca == null ? trustStore : ca) + "]";
    }
  }

  record TableName(String keyspace, String name) implements Serializable {
    @Override
    public String toString() {
      return keyspace + "." + name;
    }
  }

  /** A column that is not written. One that need not be there is not used where it is missing. */
  record MetaColumn(String name, boolean required) implements Serializable {}

  /** Which record of Kafka a row comes from, and what is to become of it. */
  record MetaColumns(
      MetaColumn topic,
      MetaColumn partition,
      MetaColumn offset,
      MetaColumn timestamp,
      MetaColumn deleted,
      MetaColumn filtered,
      MetaColumn code,
      MetaColumn reason,
      MetaColumn key,
      MetaColumn value,
      MetaColumn headers)
      implements Serializable {
    Set<String> names() {
      return Stream.of(topic, partition, offset, timestamp, deleted, filtered, code, reason, key, value, headers)
          .map(MetaColumn::name)
          .collect(Collectors.toSet());
    }
  }

  /**
   * The stage's consumer group, whose offsets say how far it is.
   *
   * @param checkpoint what the query's checkpoint is called in the group's commits; null for nothing
   * @param deadLetterTopic null where a record that cannot be processed fails the query
   * @param kafka properties of Kafka's clients
   */
  record Group(String name, String checkpoint, String deadLetterTopic, Map<String, String> kafka) implements Serializable {
    /** The group that holds how far the dead letters are durable; see src/engine/stream-writer.ts. */
    String ofDeadLetters() {
      return name + ".dead-letters";
    }

    boolean takesDeadLetters() {
      return deadLetterTopic != null;
    }

    @Override
    public String toString() {
      return "Group[" + name + "]";
    }
  }

  /** Of one task. */
  record Limits(int requestsInFlight, long bytesInFlight, int maxRowBytes, Duration retryFor) implements Serializable {}

  /** @throws SinkException CONFIG_INVALID */
  static Settings from(Map<String, String> given, Map<String, String> environment) {
    Options options = new Options(given, environment);
    options.refuseUnknown();
    TableName table = options.table();
    String consistency = options.get("consistency", "LOCAL_QUORUM");
    if (!CONSISTENCIES.contains(consistency)) {
      throw invalid("consistency", "There is no consistency " + consistency + ".");
    }
    Cluster cluster =
        new Cluster(
            options.contactPoints(),
            options.required("localDataCenter"),
            consistency,
            options.duration("timeout", "5s"),
            table.keyspace(),
            options.credentials(),
            options.tls());
    Group group = options.group();
    boolean forDeadLetters = group != null && group.takesDeadLetters();
    MetaColumns meta =
        new MetaColumns(
            options.column("topic", false),
            options.column("partition", true),
            options.column("offset", true),
            options.column("timestamp", true),
            options.column("deleted", false),
            options.column("filtered", false),
            options.column("code", forDeadLetters),
            options.column("reason", forDeadLetters),
            options.column("key", forDeadLetters),
            options.column("value", forDeadLetters),
            options.column("headers", forDeadLetters));
    Limits limits =
        new Limits(
            (int) options.number("requestsInFlight", 8, 1024),
            options.number("bytesInFlight", 16 << 20, 1L << 40),
            (int) options.number("maxRowBytes", 1 << 20, LARGEST_ROW_BYTES),
            options.duration("retryFor", "5m"));
    return new Settings(
        cluster,
        table,
        options.required("stage"),
        options.required("topic"),
        meta,
        options.flag("appendOnly"),
        options.flag("sort"),
        limits,
        group);
  }

  private static SinkException invalid(String option, String message) {
    return new SinkException("CONFIG_INVALID", "option " + option + ": " + message);
  }

  /** The options as text, by name in any case. */
  private static final class Options {
    private static final Pattern DURATION = Pattern.compile("([0-9]{1,9})(ms|s|m|h)");
    private static final Map<String, LongUnaryOperator> UNITS =
        Map.of("ms", n -> n, "s", n -> n * 1000, "m", n -> n * 60_000, "h", n -> n * 3_600_000);

    private final Map<String, String> values = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    private final Map<String, String> environment;

    Options(Map<String, String> given, Map<String, String> environment) {
      values.putAll(given);
      this.environment = environment;
    }

    void refuseUnknown() {
      for (String name : values.keySet()) {
        String lower = name.toLowerCase(Locale.ROOT);
        if (!KNOWN.contains(lower) && !lower.startsWith(KAFKA)) throw invalid(name, "There is no such option.");
      }
    }

    String get(String name, String otherwise) {
      return values.getOrDefault(name, otherwise);
    }

    String required(String name) {
      String value = values.get(name);
      if (value == null || value.isEmpty()) throw invalid(name, "It is not given.");
      return value;
    }

    boolean flag(String name) {
      String value = get(name, "false");
      if (value.equalsIgnoreCase("true") || value.equalsIgnoreCase("false")) return Boolean.parseBoolean(value);
      throw invalid(name, value + " is neither true nor false.");
    }

    /** {@code _<name>}, unless the option says otherwise; one that an option names has to be there. */
    MetaColumn column(String name, boolean required) {
      String option = name + "Column";
      return new MetaColumn(get(option, "_" + name), required || values.containsKey(option));
    }

    Group group() {
      Map<String, String> kafka = new HashMap<>();
      values.forEach((name, value) -> {
        if (name.toLowerCase(Locale.ROOT).startsWith(KAFKA)) kafka.put(name.substring(KAFKA.length()), value);
      });
      boolean deadLetters = flag("deadLetters");
      String name = get("group", null);
      if (name == null) {
        boolean isNeeded = deadLetters || values.containsKey("checkpoint") || !kafka.isEmpty();
        if (isNeeded) throw invalid("group", "It is not given, and needed for deadLetters, checkpoint and kafka.*.");
        return null;
      }
      if (!kafka.containsKey("bootstrap.servers")) throw invalid("kafka.bootstrap.servers", "It is not given, and needed for group.");
      return new Group(name, get("checkpoint", null), deadLetters ? required("deadLetterTopic") : null, kafka);
    }

    long number(String name, long otherwise, long most) {
      String value = get(name, Long.toString(otherwise));
      if (value.matches("[0-9]{1,18}")) {
        long number = Long.parseLong(value);
        if (number >= 1 && number <= most) return number;
      }
      throw invalid(name, value + " is not a whole number from 1 to " + most + ".");
    }

    Duration duration(String name, String otherwise) {
      String value = get(name, otherwise);
      Matcher matcher = DURATION.matcher(value);
      if (!matcher.matches()) throw invalid(name, value + " is not a duration such as 500ms, 5s or 10m.");
      return Duration.ofMillis(UNITS.get(matcher.group(2)).applyAsLong(Long.parseLong(matcher.group(1))));
    }

    TableName table() {
      String[] parts = required("table").split("\\.", -1);
      if (parts.length == 2 && !parts[0].isEmpty() && !parts[1].isEmpty()) return new TableName(parts[0], parts[1]);
      throw invalid("table", values.get("table") + " is not keyspace.table.");
    }

    List<String> contactPoints() {
      List<String> points = Arrays.stream(required("contactPoints").split(",", -1)).map(String::trim).toList();
      for (String point : points) {
        if (!point.matches("(?:[^\\s:/@]+|\\[[0-9a-fA-F:.]+])(?::[0-9]{1,5})?")) {
          throw invalid("contactPoints", point + " is not host or host:port.");
        }
      }
      return points;
    }

    Credentials credentials() {
      String user = get("user", null);
      String password = secret("password");
      if ((user == null) != (password == null)) throw invalid("user", "Give both user and password, or neither.");
      return user == null ? null : new Credentials(user, password);
    }

    Tls tls() {
      boolean given = values.keySet().stream().anyMatch(name -> name.toLowerCase(Locale.ROOT).startsWith("tls."));
      if (!flag("tls")) {
        if (given) throw invalid("tls", "Options of TLS are given, and tls is not true.");
        return null;
      }
      Tls tls =
          new Tls(
              get("tls.ca", null),
              get("tls.cert", null),
              get("tls.key", null),
              secret("tls.keyPassword"),
              get("tls.trustStore", null),
              secret("tls.trustStorePassword"));
      if ((tls.cert == null) != (tls.key == null)) throw invalid("tls.cert", "Give both cert and key, or neither.");
      if (tls.ca != null && tls.trustStore != null) throw invalid("tls.ca", "Give ca or trustStore, not both.");
      return tls;
    }

    /** Written out, or in the environment variable that {@code <name>Env} names. */
    String secret(String name) {
      String variable = get(name + "Env", null);
      if (variable == null) return get(name, null);
      String value = environment.get(variable);
      if (value == null || value.isEmpty()) {
        throw invalid(name + "Env", "The environment variable " + variable + " is not set where Spark's driver runs.");
      }
      return value;
    }
  }
}
