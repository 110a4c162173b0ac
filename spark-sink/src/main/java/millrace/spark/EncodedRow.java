package millrace.spark;

import java.nio.ByteBuffer;

/**
 * A row as its statement takes it.
 *
 * @param values upsert: of all columns (null for a null), then the version; delete: the version, then those of the primary key
 * @param bytes of all values, each with the length before it
 */
record EncodedRow(ByteBuffer[] values, int bytes, long version, boolean deleted, SourceRecord source) {
  /** What it takes while it is on its way. */
  int heldBytes() {
    return bytes + source.bytes();
  }
}
