package millrace.spark;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkContext;

/**
 * Up to where a micro-batch has read, from the log in the query's checkpoint, which Spark writes before the batch. Rows do not say it: a
 * partition may end with records that {@code where} left out, or with the marks of transactions.
 */
final class SourceOffsets {
  private static final ObjectMapper JSON = new ObjectMapper();

  private SourceOffsets() {}

  /** By partition of the topic; empty where the log does not have the batch, as at the end of one in real-time mode. */
  static Map<Integer, Long> of(String checkpointLocation, long batch, String topic) {
    Path file = new Path(new Path(checkpointLocation, "offsets"), Long.toString(batch));
    try {
      FileSystem files = file.getFileSystem(SparkContext.getOrCreate().hadoopConfiguration());
      try (InputStream in = files.open(file)) {
        return parse(new String(in.readAllBytes(), StandardCharsets.UTF_8), topic);
      }
    } catch (FileNotFoundException absent) {
      return Map.of();
    } catch (IOException error) {
      throw new SinkException("STORAGE_FAILED", file + " cannot be read: " + error.getMessage(), error);
    }
  }

  /** A version, a line of settings, then a line for each source of the query: {@code {"topic":{"0":17}}} for Kafka. */
  static Map<Integer, Long> parse(String log, String topic) throws IOException {
    Map<Integer, Long> ends = new HashMap<>();
    for (String line : log.split("\n")) {
      if (!line.startsWith("{")) continue;
      JsonNode partitions = JSON.readTree(line).path(topic);
      partitions.fields().forEachRemaining(each -> ends.put(Integer.valueOf(each.getKey()), each.getValue().asLong()));
    }
    return ends;
  }
}
