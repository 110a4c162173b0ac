package millrace.spark.functions;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.avro.Schema;

/** How records of every known writer's schema are read as a topic's; made once for the arguments of a function. */
final class Readings {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Queries that run at a time have one each; an older one is only made again. */
  private static final int MAX_CACHED = 64;

  private static final Map<Arguments, Readings> CACHE =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Arguments, Readings> eldest) {
          return size() > MAX_CACHED;
        }
      };

  /** @param read null if no record of this schema can be read, because of {@code fault} */
  record Reading(Read read, String fault) {}

  private record Arguments(String writers, String reader) {}

  private final Arguments arguments;
  private final String name;
  private final Map<Integer, Reading> byId = new HashMap<>();

  /**
   * @param writers JSON: by schema id the Avro schema, or {@code {"error": <why its records cannot be read>}}
   * @param reader JSON: the topic's Avro schema
   */
  static Readings of(String writers, String reader) {
    Arguments arguments = new Arguments(writers, reader);
    synchronized (CACHE) {
      return CACHE.computeIfAbsent(arguments, Readings::new);
    }
  }

  private Readings(Arguments arguments) {
    this.arguments = arguments;
    Schema reader = parse(arguments.reader);
    name = reader.getFullName();
    try {
      for (Map.Entry<String, JsonNode> each : JSON.readTree(arguments.writers).properties()) {
        byId.put(Integer.parseUnsignedInt(each.getKey()), open(each.getKey(), each.getValue(), reader));
      }
    } catch (JsonProcessingException thrown) {
      throw new IllegalArgumentException("The writers' schemas are not JSON.", thrown);
    }
  }

  private static Reading open(String id, JsonNode writer, Schema reader) {
    if (writer.has("error")) return new Reading(null, writer.get("error").asText());
    try {
      return new Reading(new TopicReads().of(parse(writer.toString()), reader), null);
    } catch (Unreadable thrown) {
      return new Reading(null, "Records of schema " + id + " cannot be read as this topic's: " + thrown.getMessage());
    }
  }

  /** Defaults were checked where the schema was registered. */
  private static Schema parse(String schema) {
    return new Schema.Parser().setValidateDefaults(false).parse(schema);
  }

  boolean areOf(String writers, String reader) {
    return arguments.writers.equals(writers) && arguments.reader.equals(reader);
  }

  /** The name of the topic's record. */
  String name() {
    return name;
  }

  /** Null for a schema that is not among the writers'. */
  Reading byId(int id) {
    return byId.get(id);
  }
}
