package millrace.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;

class GroupOffsetsTest {
  @Test
  void areCommittedAsANodeWorkerReadsThem() {
    History.Mark mark = new History.Mark(12, 1_700_000_000_000_000L);
    assertEquals(12, GroupOffsets.toCommit(mark, null).offset());
    assertEquals("{\"version\":1700000000000000}", GroupOffsets.toCommit(mark, null).metadata());
    String named = GroupOffsets.toCommit(mark, "a \"name\"").metadata();
    assertEquals("{\"version\":1700000000000000,\"checkpoint\":\"a \\\"name\\\"\"}", named);
    assertEquals(mark.version(), GroupOffsets.versionIn(named));
  }

  @Test
  void ofANodeWorkerHaveTheEpochOfItsAssignmentBehindTheVersion() {
    assertEquals(7, GroupOffsets.versionIn("{\"version\":7}\nepoch 1700000000000"));
    assertEquals(0, GroupOffsets.versionIn("epoch 1700000000000"));
  }

  @Test
  void ofAnotherToolHaveNoVersion() {
    for (String metadata : new String[] {"", "moved", "{}", "null", "7", "{\"version\":\"7\"}", "{\"version\":1.5}"}) {
      assertEquals(0, GroupOffsets.versionIn(metadata), metadata);
    }
  }

  @Test
  void endWhereSparkHasWrittenThatItsBatchEnds() throws IOException {
    String log = "v1\n{\"batchWatermarkMs\":0,\"conf\":{\"orders\":\"x\"}}\n{\"orders\":{\"0\":17,\"10\":0}}";
    assertEquals(Map.of(0, 17L, 10, 0L), SourceOffsets.parse(log, "orders"));
    assertEquals(Map.of(), SourceOffsets.parse(log, "users"));
  }
}
