package millrace.spark.functions;

import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;

/** Reads of what the topic's type leaves out: every byte is checked, nothing is kept. */
final class WriterReads {
  /** Each named type only once, so that recursive schemas come to an end. */
  private final Map<Schema, Read> named = new IdentityHashMap<>();

  Read of(Schema writer) {
    return switch (writer.getType()) {
      case NULL -> cursor -> null;
      case BOOLEAN -> nothing(Cursor::bool);
      case INT -> nothing(Cursor::int32);
      case LONG -> nothing(Cursor::varint);
      case FLOAT -> nothing(cursor -> cursor.skip(Float.BYTES));
      case DOUBLE -> nothing(cursor -> cursor.skip(Double.BYTES));
      case BYTES -> nothing(Cursor::bytes);
      case STRING -> nothing(Cursor::text);
      case FIXED -> nothing(cursor -> cursor.skip(writer.getFixedSize()));
      case ENUM -> nothing(cursor -> symbol(cursor, writer));
      case UNION -> union(writer.getTypes().stream().map(this::of).toArray(Read[]::new));
      case ARRAY -> {
        Read item = of(writer.getElementType());
        boolean empty = canBeEmpty(writer.getElementType());
        yield nothing(cursor -> blocks(cursor, empty, () -> item.from(cursor)));
      }
      case MAP -> {
        Read value = of(writer.getValueType());
        yield nothing(cursor -> blocks(cursor, false, () -> {
          cursor.text();
          value.from(cursor);
        }));
      }
      case RECORD -> record(writer);
    };
  }

  static Read union(Read[] branches) {
    return cursor -> {
      long index = cursor.varint();
      if (index < 0 || index >= branches.length) throw cursor.fault("the union has no branch number " + index);
      return branches[(int) index].from(cursor);
    };
  }

  static int symbol(Cursor cursor, Schema type) {
    long index = cursor.varint();
    if (index >= 0 && index < type.getEnumSymbols().size()) return (int) index;
    throw cursor.fault(type.getFullName() + " has no symbol number " + index);
  }

  /** Arrays and maps: blocks of items, each after its count; a negative count has the block's size behind it. */
  static void blocks(Cursor cursor, boolean empty, Runnable item) {
    for (long count = cursor.varint(); count != 0; count = cursor.varint()) {
      long end = -1;
      if (count < 0) {
        count = count == Long.MIN_VALUE ? Long.MAX_VALUE : -count;
        long size = cursor.length();
        end = cursor.at + size;
      }
      cursor.announce(count, empty);
      for (long index = 0; index < count; index++) item.run();
      if (end != -1 && cursor.at != end) throw cursor.fault("a block has another size than announced");
    }
  }

  static boolean canBeEmpty(Schema type) {
    return switch (type.getType()) {
      case NULL -> true;
      case FIXED -> type.getFixedSize() == 0;
      case RECORD -> type.getFields().stream().allMatch(field -> canBeEmpty(field.schema()));
      default -> false;
    };
  }

  private Read record(Schema writer) {
    Read known = named.get(writer);
    if (known != null) return known;
    named.put(writer, cursor -> named.get(writer).from(cursor));
    List<Schema.Field> fields = writer.getFields();
    String[] names = fields.stream().map(Schema.Field::name).toArray(String[]::new);
    Read[] reads = fields.stream().map(field -> of(field.schema())).toArray(Read[]::new);
    Read record = nothing(cursor -> {
      cursor.enter();
      for (int index = 0; index < reads.length; index++) {
        cursor.field = names[index];
        reads[index].from(cursor);
      }
      cursor.leave();
    });
    named.put(writer, record);
    return record;
  }

  private interface Step {
    void run(Cursor cursor);
  }

  private static Read nothing(Step step) {
    return cursor -> {
      step.run(cursor);
      return null;
    };
  }
}
