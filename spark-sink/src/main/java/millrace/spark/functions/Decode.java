package millrace.spark.functions;

import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.api.java.UDF3;

/**
 * {@code millrace_decode(value BINARY, writers STRING, reader STRING)}: a record in Confluent's wire format as
 * {@code STRUCT<code STRING, reason STRING, value STRUCT<…>>}. A record that is none has its code and reason and no value; of a
 * delete (null) all three are null.
 *
 * <p>The arguments are those of {@link Readings#of}. A record of a schema that is not among them fails the query with
 * {@code MILLRACE_SCHEMA_UNKNOWN: <id>}, so that no record is given up while its schema may still be found.
 */
public final class Decode implements UDF3<byte[], String, String, Row> {
  private static final long serialVersionUID = 1L;
  private static final int HEADER_BYTES = 5;
  private static final Row DELETE = RowFactory.create(null, null, null);

  /** Those of the record before, whose arguments are nearly always the same. */
  private transient Readings readings;

  @Override
  public Row call(byte[] value, String writers, String reader) {
    if (value == null) return DELETE;
    Readings known = readings;
    if (known == null || !known.areOf(writers, reader)) {
      known = Readings.of(writers, reader);
      readings = known;
    }
    try {
      return RowFactory.create(null, null, decode(value, known));
    } catch (Undecodable thrown) {
      return RowFactory.create("RECORD_UNDECODABLE", thrown.getMessage(), null);
    }
  }

  private static Object decode(byte[] value, Readings readings) {
    if (value.length < HEADER_BYTES || value[0] != 0) throw new Undecodable(frameFault(value));
    int id = schemaId(value);
    Readings.Reading reading = readings.byId(id);
    if (reading == null) throw new IllegalStateException("MILLRACE_SCHEMA_UNKNOWN: " + Integer.toUnsignedString(id));
    if (reading.read() == null) throw new Undecodable(reading.fault());
    Cursor cursor = new Cursor(value, HEADER_BYTES);
    Object record = reading.read().from(cursor);
    if (cursor.left() > 0) throw cursor.fault(cursor.left() + " bytes follow the record");
    String refusal = cursor.refusal();
    if (refusal == null) return record;
    String name = readings.name();
    throw new Undecodable(refusal.contains(name) ? refusal : refusal + " (" + name + ")");
  }

  private static int schemaId(byte[] value) {
    return (value[1] & 0xff) << 24 | (value[2] & 0xff) << 16 | (value[3] & 0xff) << 8 | (value[4] & 0xff);
  }

  private static String frameFault(byte[] value) {
    if (value.length == 0) return "The record is empty.";
    if (value[0] != 0) {
      return "The record starts with the byte " + (value[0] & 0xff) + "; one with a schema id starts with 0.";
    }
    return "The record has " + value.length + " bytes; a zero byte and a schema id alone take " + HEADER_BYTES + ".";
  }
}
