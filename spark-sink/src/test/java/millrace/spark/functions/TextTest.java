package millrace.spark.functions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class TextTest {
  @Test
  void numbersAreWrittenAsJavaScriptDoes() throws IOException {
    for (String line : Files.readAllLines(Path.of("src/test/resources/number-vectors.txt"))) {
      String[] parts = line.split(" ");
      double value = Double.longBitsToDouble(Long.parseUnsignedLong(parts[0], 16));
      assertEquals(parts[1], new NumberText().call(value), parts[0]);
    }
  }

  @Test
  void timesAreWrittenAsJavaScriptDoes() throws IOException {
    for (String line : Files.readAllLines(Path.of("src/test/resources/time-vectors.txt"))) {
      String[] parts = line.split(" ");
      assertEquals(parts[1], new TimeText().call(Long.parseLong(parts[0])));
    }
  }

  @Test
  void nullIsNull() {
    assertNull(new NumberText().call(null));
    assertNull(new TimeText().call(null));
  }
}
