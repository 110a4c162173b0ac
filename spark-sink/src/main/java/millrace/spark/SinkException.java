package millrace.spark;

/**
 * What keeps the sink from writing. Its message starts with one of the codes that Millrace uses everywhere, such as {@code
 * CONFIG_INVALID} or {@code RECORD_REJECTED}, because only the text of an error reaches those who watch a query from outside.
 */
final class SinkException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  SinkException(String code, String message) {
    this(code, message, null);
  }

  SinkException(String code, String message, Throwable cause) {
    super(code + ": " + message, cause);
  }
}
