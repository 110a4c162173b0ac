package millrace.spark;

import java.nio.ByteBuffer;

/**
 * A row as its statement takes it.
 *
 * @param values upsert: of all columns (null for a null), then the version; delete: the version, then those of the primary key
 * @param bytes of all values
 */
record EncodedRow(ByteBuffer[] values, int bytes, boolean deleted, int partition, long offset) {}
