package millrace.spark;

import java.util.List;
import java.util.stream.Collectors;

/**
 * CQL, as the Node adapter writes it: every row with its version as write timestamp.
 *
 * @param upsert of one row
 * @param delete of one row; null where rows are never deleted
 */
record Statements(String upsert, String delete) {
  static Statements of(Settings.TableName table, Layout layout) {
    List<String> columns = layout.columns().stream().map(column -> quote(column.name())).toList();
    String name = quote(table.keyspace()) + "." + quote(table.name());
    String markers = columns.stream().map(column -> "?").collect(Collectors.joining(", "));
    String key = layout.key().stream().map(position -> columns.get(position) + " = ?").collect(Collectors.joining(" AND "));
    String upsert = "INSERT INTO " + name + " (" + String.join(", ", columns) + ") VALUES (" + markers + ") USING TIMESTAMP ?";
    boolean deletes = layout.meta().deleted() >= 0;
    return new Statements(upsert, deletes ? "DELETE FROM " + name + " USING TIMESTAMP ? WHERE " + key : null);
  }

  boolean deletes() {
    return delete != null;
  }

  /** Takes, for each of {@code count} rows, the values of all columns and the version. */
  String upsert(int count) {
    return repeated(upsert, count);
  }

  /** Takes, for each of {@code count} rows, the version and the values of the primary key. */
  String delete(int count) {
    return repeated(delete, count);
  }

  /** In double quotes CQL keeps upper and lower case. */
  static String quote(String name) {
    return '"' + name.replace("\"", "\"\"") + '"';
  }

  /** One statement, prepared once, is cheaper on both sides than a batch of so many. It is not atomic, and need not be. */
  private static String repeated(String statement, int count) {
    return count == 1 ? statement : "BEGIN UNLOGGED BATCH " + (statement + "; ").repeat(count) + "APPLY BATCH";
  }
}
