package millrace.spark.functions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.unsafe.types.UTF8String;
import org.junit.jupiter.api.Test;

class DecodeTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  @Test
  void acceptsAndRefusesWhatNodeDoesWithTheSameValuesAndReasons() throws Exception {
    Decode decode = new Decode();
    List<String> differences = new ArrayList<>();
    int cases = 0;
    JsonNode suite = null;
    for (String line : Files.readAllLines(Path.of("src/test/resources/decode-vectors.ndjson"), StandardCharsets.UTF_8)) {
      JsonNode node = JSON.readTree(line);
      if (node.isObject()) {
        suite = node;
        continue;
      }
      cases++;
      byte[] bytes = HexFormat.of().parseHex(node.get(0).asText());
      Row decoded = decode.call(bytes, suite.get("writers").asText(), suite.get("reader").asText());
      String found = comparable(outcome(decoded));
      String expected = comparable(node.get(1));
      if (!found.equals(expected)) differences.add(suite.get("what") + " " + node.get(0) + "\n  " + expected + "\n  " + found);
    }
    assertTrue(cases > 3_000, "only " + cases + " cases");
    assertEquals(List.of(), differences);
  }

  @Test
  void aDeleteHasNeitherCodeNorValue() {
    Row decoded = new Decode().call(null, "{}", "\"string\"");
    assertTrue(decoded.isNullAt(0) && decoded.isNullAt(1) && decoded.isNullAt(2));
  }

  @Test
  void aRecordOfASchemaThatNobodyLookedUpFailsTheQuery() {
    byte[] record = {0, (byte) 0xff, 0, 0, 1, 0};
    Exception thrown = assertThrows(IllegalStateException.class, () -> new Decode().call(record, "{}", "\"string\""));
    assertEquals("MILLRACE_SCHEMA_UNKNOWN: 4278190081", thrown.getMessage());
  }

  /**
   * Reasons differ in three places: JavaScript keeps only the leading digits of a number beyond 2^53, puts another number of
   * replacement characters for bytes that are no text, and says in its own words why one schema does not read another.
   */
  private static String comparable(JsonNode outcome) {
    String text = outcome.toString();
    if (outcome.has("value")) return text;
    return text.replaceAll("[0-9]{16,}", "#")
        .replaceAll("\ufffd+", "\ufffd")
        .replaceAll("(Records of schema [0-9]+ cannot be read as this topic's: ).*", "$1");
  }

  private static JsonNode outcome(Row decoded) {
    if (decoded.isNullAt(0)) return NODES.objectNode().set("value", rendered(decoded.get(2)));
    assertEquals("RECORD_UNDECODABLE", decoded.getString(0));
    return NODES.objectNode().put("reason", decoded.getString(1));
  }

  private static JsonNode rendered(Object value) {
    if (value == null) return NODES.nullNode();
    if (value instanceof UTF8String text) return NODES.textNode(text.toString());
    if (value instanceof Boolean flag) return NODES.booleanNode(flag);
    if (value instanceof Integer number) return NODES.numberNode((long) number);
    if (value instanceof Long number) return NODES.numberNode(number);
    if (value instanceof Double number) return NODES.textNode(HexFormat.of().toHexDigits(Double.doubleToRawLongBits(number)));
    if (value instanceof Instant time) return NODES.numberNode(time.toEpochMilli());
    if (value instanceof BigDecimal decimal) return NODES.textNode(decimal.toPlainString());
    ArrayNode items = NODES.arrayNode();
    if (value instanceof List<?> list) list.forEach(item -> items.add(rendered(item)));
    else if (value instanceof Row row) for (int index = 0; index < row.size(); index++) items.add(rendered(row.get(index)));
    else throw new AssertionError("no converter of Spark takes " + value.getClass());
    return items;
  }
}
