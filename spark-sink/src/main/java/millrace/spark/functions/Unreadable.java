package millrace.spark.functions;

/** No record of a writer's schema can be read with the topic's. */
final class Unreadable extends RuntimeException {
  Unreadable(String message) {
    super(message);
  }
}
