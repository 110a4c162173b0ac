package millrace.spark.functions;

/** The bytes of one record are not what its schema says. Bad records can come in floods, so it has no stack trace. */
final class Undecodable extends RuntimeException {
  Undecodable(String message) {
    super(message, null, false, false);
  }
}
