package millrace.spark;

import com.datastax.oss.driver.api.core.metadata.schema.ColumnMetadata;
import com.datastax.oss.driver.api.core.metadata.schema.TableMetadata;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * Which column of a query's rows goes where.
 *
 * @param columns those that are written
 * @param key positions of the primary key among {@code columns}, in its order
 * @param partitionKey how many of {@code key}, from its start, place a row
 */
record Layout(List<Column> columns, List<Integer> key, int partitionKey, Meta meta) implements Serializable {

  /** Ordinals of the columns that are not written; -1 for those that the query does not have. */
  record Meta(
      int partition, int offset, int timestamp, int deleted, int filtered, int code, int reason, int key, int value, int headers)
      implements Serializable {}

  /** @param ordinal its place in the query's rows */
  record Column(String name, int ordinal, DataType sparkType, ColumnType type, boolean inKey) implements Serializable {}

  /** @throws SinkException PLAN_INCOMPATIBLE naming everything that is wrong */
  static Layout of(StructType schema, TableMetadata table, Settings settings) {
    return new Builder(schema, table, settings).build();
  }

  private static final class Builder {
    private final StructField[] fields;
    private final TableMetadata table;
    private final Settings settings;
    private final List<String> faults = new ArrayList<>();

    Builder(StructType schema, TableMetadata table, Settings settings) {
      this.fields = schema.fields();
      this.table = table;
      this.settings = settings;
    }

    Layout build() {
      Meta meta = meta(settings.meta());
      List<Column> columns = columns();
      List<Integer> key = key(columns);
      if (!faults.isEmpty()) {
        throw new SinkException("PLAN_INCOMPATIBLE", settings.table() + ": " + String.join("; ", faults) + ".");
      }
      return new Layout(columns, key, table.getPartitionKey().size(), meta);
    }

    private Meta meta(Settings.MetaColumns names) {
      return new Meta(
          ordinal(names.partition(), "an int", DataTypes.IntegerType::equals),
          ordinal(names.offset(), "a bigint", DataTypes.LongType::equals),
          ordinal(names.timestamp(), "a timestamp", DataTypes.TimestampType::equals),
          ordinal(names.deleted(), "a boolean", DataTypes.BooleanType::equals),
          ordinal(names.filtered(), "a boolean", DataTypes.BooleanType::equals),
          ordinal(names.code(), "a string", type -> type instanceof StringType),
          ordinal(names.reason(), "a string", type -> type instanceof StringType),
          ordinal(names.key(), "binary", DataTypes.BinaryType::equals),
          ordinal(names.value(), "binary", DataTypes.BinaryType::equals),
          ordinal(names.headers(), "an array of structs of a string and binary, as the option includeHeaders of Kafka's source gives", Builder::isHeaders));
    }

    private int ordinal(Settings.MetaColumn column, String expected, Predicate<DataType> isExpected) {
      for (int at = 0; at < fields.length; at++) {
        StructField field = fields[at];
        if (!field.name().equals(column.name())) continue;
        if (!isExpected.test(field.dataType())) {
          faults.add("the query's column " + column.name() + " is " + field.dataType().sql() + ", and has to be " + expected);
        }
        return at;
      }
      if (column.required()) {
        faults.add("the query has no column " + column.name() + ", " + expected + " that says where a row comes from");
      }
      return -1;
    }

    private static boolean isHeaders(DataType type) {
      if (!(type instanceof ArrayType array) || !(array.elementType() instanceof StructType header)) return false;
      StructField[] fields = header.fields();
      return fields.length == 2 && fields[0].dataType() instanceof StringType && fields[1].dataType().equals(DataTypes.BinaryType);
    }

    private List<Column> columns() {
      Set<String> notWritten = settings.meta().names();
      List<Column> columns = new ArrayList<>();
      for (int at = 0; at < fields.length; at++) {
        StructField field = fields[at];
        if (!notWritten.contains(field.name())) add(columns, field, at);
      }
      return columns;
    }

    private void add(List<Column> columns, StructField field, int ordinal) {
      ColumnMetadata found = table.getColumns().values().stream().filter(each -> nameOf(each).equals(field.name())).findFirst().orElse(null);
      if (found == null) {
        faults.add("the table has no column " + field.name());
        return;
      }
      String cql = found.getType().asCql(false, false);
      ColumnType type = found.isStatic() ? null : ColumnType.of(cql);
      if (type == null) {
        faults.add("the column " + field.name() + " is " + (found.isStatic() ? "static " : "") + cql + ", which is not written");
      } else if (!type.takes(field.dataType())) {
        faults.add("the column " + field.name() + " is " + cql + " and takes " + type.sparks() + "; the query has " + field.dataType().sql());
      } else {
        columns.add(new Column(field.name(), ordinal, field.dataType(), type, table.getPrimaryKey().contains(found)));
      }
    }

    private List<Integer> key(List<Column> columns) {
      List<Integer> positions = new ArrayList<>();
      for (ColumnMetadata part : table.getPrimaryKey()) {
        int position = 0;
        while (position < columns.size() && !columns.get(position).name().equals(nameOf(part))) position++;
        if (Arrays.stream(fields).noneMatch(field -> field.name().equals(nameOf(part)))) {
          faults.add("the query has no column " + nameOf(part) + ", which is in the primary key");
        }
        positions.add(position);
      }
      return positions;
    }

    private static String nameOf(ColumnMetadata column) {
      return column.getName().asInternal();
    }
  }
}
