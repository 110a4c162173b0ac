package millrace.spark.functions;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.avro.JsonProperties;
import org.apache.avro.Schema;
import org.apache.avro.Schema.Type;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.unsafe.types.UTF8String;

/**
 * Reads of a writer's schema as the topic's: what is promoted, left out and filled in follows Avro's schema resolution, what
 * values are allowed follows the topic's types.
 */
final class TopicReads {
  /** What a JavaScript number holds exactly. */
  private static final long MAX_LONG = (1L << 53) - 1;

  /** The times that a JavaScript Date holds, in milliseconds from 1970. */
  private static final long MAX_TIME = 8_640_000_000_000_000L;

  /** No decimal has more; a hostile one would take seconds to become a number. */
  private static final int MAX_DECIMAL_BYTES = 256;

  private final WriterReads unread = new WriterReads();

  /** @throws Unreadable if records of this writer cannot be read as the reader's */
  Read of(Schema writer, Schema reader) {
    if (writer.getType() == Type.UNION) {
      return WriterReads.union(writer.getTypes().stream().map(branch -> of(branch, reader)).toArray(Read[]::new));
    }
    return switch (reader.getType()) {
      case UNION -> optional(writer, reader);
      case STRING -> LogicalTypes.isUuid(reader) ? uuid(writer) : text(writer);
      case BOOLEAN -> same(writer, reader, Cursor::bool);
      case INT -> same(writer, reader, Cursor::int32);
      case LONG -> LogicalTypes.isMillis(reader) ? time(writer) : whole(writer, reader);
      case DOUBLE -> number(writer);
      case BYTES -> decimal(writer, reader);
      case ENUM -> symbol(writer, reader);
      case ARRAY -> array(writer, reader);
      case RECORD -> record(writer, reader);
      default -> throw new IllegalArgumentException("No topic has the type " + reader + ".");
    };
  }

  /** Null or one type: the only union that a topic's schema has. */
  private Read optional(Schema writer, Schema reader) {
    if (writer.getType() == Type.NULL) return cursor -> null;
    List<Schema> branches = reader.getTypes();
    if (branches.size() != 2 || branches.get(0).getType() != Type.NULL) {
      throw new IllegalArgumentException("No topic has the type " + reader + ".");
    }
    return of(writer, branches.get(1));
  }

  private static Read same(Schema writer, Schema reader, Read read) {
    if (writer.getType() != reader.getType()) throw mismatch(writer, reader.getType().getName());
    return read;
  }

  private static Read text(Schema writer) {
    if (writer.getType() == Type.STRING) {
      return cursor -> {
        int start = cursor.text();
        return UTF8String.fromBytes(cursor.bytes, start, cursor.at - start);
      };
    }
    if (writer.getType() != Type.BYTES || LogicalTypes.isDecimal(writer)) throw mismatch(writer, "text");
    return cursor -> {
      int start = cursor.bytes();
      if (!Utf8.isValid(cursor.bytes, start, cursor.at)) cursor.refuse("a text is not valid UTF-8");
      return UTF8String.fromBytes(cursor.bytes, start, cursor.at - start);
    };
  }

  private static Read uuid(Schema writer) {
    boolean text = writer.getType() == Type.STRING;
    if (!text && (writer.getType() != Type.BYTES || LogicalTypes.isDecimal(writer))) throw mismatch(writer, "uuid");
    return cursor -> {
      int start = text ? cursor.text() : cursor.bytes();
      int length = cursor.at - start;
      if (!Uuids.isUuid(cursor.bytes, start, length)) {
        String found = new String(cursor.bytes, start, length, StandardCharsets.UTF_8).toLowerCase(Locale.ROOT);
        cursor.refuse(JsonText.quote(found.substring(0, Math.min(40, found.length()))) + " is no UUID");
      }
      return Uuids.lowerCase(cursor.bytes, start, length);
    };
  }

  private static Read whole(Schema writer, Schema reader) {
    if (writer.getType() == Type.INT) return cursor -> (long) cursor.int32();
    return same(writer, reader, TopicReads::exactLong);
  }

  private static Long exactLong(Cursor cursor) {
    long value = cursor.varint();
    if (value < -MAX_LONG || value > MAX_LONG) cursor.refuse(value + " is beyond ±(2^53 − 1)");
    return value;
  }

  private static Read time(Schema writer) {
    if (writer.getType() == Type.INT) return cursor -> Instant.ofEpochMilli(cursor.int32());
    if (writer.getType() != Type.LONG) throw mismatch(writer, "timestamp");
    if (LogicalTypes.isMicros(writer)) return cursor -> Instant.ofEpochMilli(Math.floorDiv(exactLong(cursor), 1000L));
    if (LogicalTypes.isNanos(writer)) return cursor -> Instant.ofEpochMilli(Math.floorDiv(cursor.varint(), 1_000_000L));
    return cursor -> {
      long millis = exactLong(cursor);
      if (millis < -MAX_TIME || millis > MAX_TIME) cursor.refuse(millis + " is no time in milliseconds");
      return Instant.ofEpochMilli(millis);
    };
  }

  private static Read number(Schema writer) {
    return switch (writer.getType()) {
      case INT -> cursor -> (double) cursor.int32();
      case LONG -> {
        if (LogicalTypes.isMicros(writer) || LogicalTypes.isNanos(writer)) throw mismatch(writer, "double");
        yield cursor -> exactLong(cursor).doubleValue();
      }
      case FLOAT -> cursor -> {
        int start = cursor.at;
        cursor.skip(Float.BYTES);
        return finite(cursor, littleEndian(cursor.bytes).getFloat(start));
      };
      case DOUBLE -> cursor -> {
        int start = cursor.at;
        cursor.skip(Double.BYTES);
        return finite(cursor, littleEndian(cursor.bytes).getDouble(start));
      };
      default -> throw mismatch(writer, "double");
    };
  }

  private static ByteBuffer littleEndian(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static double finite(Cursor cursor, double value) {
    if (!Double.isFinite(value)) cursor.refuse(value + " is no finite number");
    return value;
  }

  private static Read decimal(Schema writer, Schema reader) {
    int scale = LogicalTypes.scale(reader);
    Schema narrowest = LogicalTypes.isDecimal(writer) ? writer : reader;
    int precision = LogicalTypes.precision(narrowest);
    boolean fits = LogicalTypes.scale(narrowest) == scale && precision <= LogicalTypes.precision(reader);
    if (writer.getType() != Type.BYTES || !fits) throw mismatch(writer, "decimal of scale " + scale);
    return cursor -> {
      int start = cursor.bytes();
      int length = cursor.at - start;
      if (length == 0 || length > MAX_DECIMAL_BYTES) {
        cursor.refuse("a decimal of " + length + " bytes");
        return null;
      }
      BigDecimal value = new BigDecimal(new BigInteger(cursor.bytes, start, length), scale);
      if (value.precision() <= precision) return value;
      cursor.refuse("a decimal has " + value.precision() + " digits, " + precision + " at most");
      return null;
    };
  }

  private static Read symbol(Schema writer, Schema reader) {
    checkName(writer, reader);
    List<String> symbols = writer.getEnumSymbols();
    if (!reader.getEnumSymbols().containsAll(symbols)) throw mismatch(writer, reader.getFullName());
    UTF8String[] texts = symbols.stream().map(UTF8String::fromString).toArray(UTF8String[]::new);
    return cursor -> texts[WriterReads.symbol(cursor, writer)];
  }

  private Read array(Schema writer, Schema reader) {
    if (writer.getType() != Type.ARRAY) throw mismatch(writer, "array");
    Read item = of(writer.getElementType(), reader.getElementType());
    boolean empty = WriterReads.canBeEmpty(writer.getElementType());
    return cursor -> {
      List<Object> items = new ArrayList<>();
      WriterReads.blocks(cursor, empty, () -> items.add(item.from(cursor)));
      return items;
    };
  }

  private Read record(Schema writer, Schema reader) {
    checkName(writer, reader);
    List<Schema.Field> written = writer.getFields();
    String[] names = new String[written.size()];
    Read[] reads = new Read[written.size()];
    int[] places = new int[written.size()];
    for (int index = 0; index < reads.length; index++) {
      Schema.Field field = written.get(index);
      Schema.Field read = reader.getField(field.name());
      names[index] = field.name();
      places[index] = read == null ? -1 : read.pos();
      reads[index] = read == null ? unread.of(field.schema()) : of(field.schema(), read.schema());
    }
    for (Schema.Field field : reader.getFields()) {
      if (writer.getField(field.name()) == null && field.defaultVal() != JsonProperties.NULL_VALUE) {
        throw new Unreadable(writer.getFullName() + " lacks the field " + field.name() + ", which may not be null.");
      }
    }
    int size = reader.getFields().size();
    return cursor -> {
      cursor.enter();
      Object[] values = new Object[size];
      for (int index = 0; index < reads.length; index++) {
        cursor.field = names[index];
        Object value = reads[index].from(cursor);
        if (places[index] != -1) values[places[index]] = value;
      }
      cursor.leave();
      return RowFactory.create(values);
    };
  }

  /** Whether aliases make up for another name is decided where schemas are compared; a topic's schema has none. */
  private static void checkName(Schema writer, Schema reader) {
    if (writer.getType() == reader.getType() && writer.getName().equals(reader.getName())) return;
    throw mismatch(writer, reader.getFullName());
  }

  private static Unreadable mismatch(Schema writer, String reader) {
    return new Unreadable("The writer's " + writer + " cannot be read as " + reader + ".");
  }
}
