package millrace.spark.functions;

/**
 * Takes one value of the writer's schema off a record's bytes.
 *
 * <p>Gives the value as Spark's converters take it, or null where nobody reads it. A value that is well-formed and still none of
 * the topic's is noted in the cursor.
 */
@FunctionalInterface
interface Read {
  /** @throws Undecodable if the bytes are no such value */
  Object from(Cursor cursor);
}
