package millrace.spark;

/** A row that the table can never store, in the words of the Node adapter. */
final class RowRejected extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Its code. */
  static final String CODE = "RECORD_REJECTED";

  /** @param place table or column */
  RowRejected(String message, String place) {
    super(message + " (" + place + ")", null, false, false);
  }
}
