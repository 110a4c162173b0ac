package millrace.spark;

/** What an error of Cassandra or Kafka means. */
interface Fault {
  /** One of the codes of Millrace. */
  String code();

  /** Whether the same work may succeed later. */
  boolean isTransient();
}
