package millrace.spark.functions;

import org.apache.avro.Schema;
import org.apache.avro.Schema.Type;

/** The logical types that count when records are read; one whose parameters make no sense is not there, as Avro asks. */
final class LogicalTypes {
  private LogicalTypes() {}

  static boolean isUuid(Schema type) {
    return is(type, Type.STRING, "uuid");
  }

  static boolean isMillis(Schema type) {
    return is(type, Type.LONG, "timestamp-millis");
  }

  static boolean isMicros(Schema type) {
    return is(type, Type.LONG, "timestamp-micros");
  }

  static boolean isNanos(Schema type) {
    return is(type, Type.LONG, "timestamp-nanos");
  }

  static boolean isDecimal(Schema type) {
    return is(type, Type.BYTES, "decimal") && precision(type) > 0 && scale(type) >= 0 && scale(type) <= precision(type);
  }

  static int precision(Schema type) {
    return type.getObjectProp("precision") instanceof Integer number ? number : 0;
  }

  static int scale(Schema type) {
    Object scale = type.getObjectProp("scale");
    if (scale == null) return 0;
    return scale instanceof Integer number ? number : -1;
  }

  private static boolean is(Schema type, Type base, String name) {
    return type.getType() == base && name.equals(type.getProp("logicalType"));
  }
}
