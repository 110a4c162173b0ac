package millrace.spark;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.regex.Pattern;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.StringType;

/** The types a column can have in Cassandra, and how a value of Spark becomes its bytes there: those of the Node adapter. */
enum ColumnType {
  TEXT("text", "a string", "text") {
    @Override
    boolean takes(DataType type) {
      return type instanceof StringType;
    }

    @Override
    ByteBuffer encode(InternalRow row, int at, DataType type) {
      return ByteBuffer.wrap(row.getUTF8String(at).getBytes());
    }
  },

  UUID("uuid", "a string with a UUID", "a UUID") {
    @Override
    boolean takes(DataType type) {
      return type instanceof StringType;
    }

    @Override
    ByteBuffer encode(InternalRow row, int at, DataType type) {
      String text = row.getUTF8String(at).toString();
      if (!UUID_TEXT.matcher(text).matches()) throw new ValueRefused("string");
      java.util.UUID uuid = java.util.UUID.fromString(text);
      return ByteBuffer.allocate(16).putLong(uuid.getMostSignificantBits()).putLong(uuid.getLeastSignificantBits()).flip();
    }
  },

  BOOLEAN("boolean", "a boolean", "true or false") {
    @Override
    boolean takes(DataType type) {
      return type.equals(DataTypes.BooleanType);
    }

    @Override
    ByteBuffer encode(InternalRow row, int at, DataType type) {
      return ByteBuffer.wrap(new byte[] {(byte) (row.getBoolean(at) ? 1 : 0)});
    }
  },

  INT("int", "an int", "a whole number of 32 bits") {
    @Override
    boolean takes(DataType type) {
      return type.equals(DataTypes.IntegerType);
    }

    @Override
    ByteBuffer encode(InternalRow row, int at, DataType type) {
      return ByteBuffer.allocate(4).putInt(row.getInt(at)).flip();
    }
  },

  BIGINT("bigint", "a bigint", "a whole number within ±(2^53 − 1)") {
    @Override
    boolean takes(DataType type) {
      return type.equals(DataTypes.LongType);
    }

    @Override
    ByteBuffer encode(InternalRow row, int at, DataType type) {
      long value = row.getLong(at);
      // What a JavaScript number holds exactly: a row is the same on all targets (G10).
      if (Math.abs(value) > (1L << 53) - 1 || value == Long.MIN_VALUE) throw new ValueRefused("number");
      return ByteBuffer.allocate(8).putLong(value).flip();
    }
  },

  DOUBLE("double", "a double", "a number") {
    @Override
    boolean takes(DataType type) {
      return type.equals(DataTypes.DoubleType);
    }

    @Override
    ByteBuffer encode(InternalRow row, int at, DataType type) {
      double value = row.getDouble(at);
      // Cassandra would keep it, but other tables cannot (G10).
      if (Double.isNaN(value)) throw new ValueRefused("number");
      return ByteBuffer.allocate(8).putDouble(value).flip();
    }
  },

  DECIMAL("decimal", "a decimal", "a decimal as text") {
    @Override
    boolean takes(DataType type) {
      return type instanceof DecimalType;
    }

    @Override
    ByteBuffer encode(InternalRow row, int at, DataType type) {
      DecimalType decimal = (DecimalType) type;
      BigDecimal value = row.getDecimal(at, decimal.precision(), decimal.scale()).toJavaBigDecimal();
      BigInteger unscaled = value.setScale(decimal.scale()).unscaledValue();
      byte[] digits = unscaled.toByteArray();
      return ByteBuffer.allocate(4 + digits.length).putInt(decimal.scale()).put(digits).flip();
    }
  },

  TIMESTAMP("timestamp", "a timestamp", "a valid Date") {
    @Override
    boolean takes(DataType type) {
      return type.equals(DataTypes.TimestampType);
    }

    @Override
    ByteBuffer encode(InternalRow row, int at, DataType type) {
      return ByteBuffer.allocate(8).putLong(Math.floorDiv(row.getLong(at), 1000)).flip();
    }
  };

  private static final Pattern UUID_TEXT =
      Pattern.compile("[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}");

  private final String cql;
  private final String sparks;
  private final String takes;

  ColumnType(String cql, String sparks, String takes) {
    this.cql = cql;
    this.sparks = sparks;
    this.takes = takes;
  }

  /** Null for a type of Cassandra that the sink does not write. */
  static ColumnType of(String cql) {
    for (ColumnType type : values()) {
      if (type.cql.equals(cql)) return type;
    }
    return cql.equals("varchar") ? TEXT : null;
  }

  /** What of Spark it takes, for people. */
  String sparks() {
    return sparks;
  }

  /** What a value of it has to be, in the words of src/adapters/cassandra/columns.ts. */
  String takes() {
    return takes;
  }

  abstract boolean takes(DataType type);

  /** @throws ValueRefused */
  abstract ByteBuffer encode(InternalRow row, int at, DataType type);

  /** A value that is never written; its message is what JavaScript calls its type, as the Node adapter says it. */
  static final class ValueRefused extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ValueRefused(String message) {
      super(message, null, false, false);
    }
  }
}
