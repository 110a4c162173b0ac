package millrace.spark.functions;

/** Where the decoder is in the bytes of one record. */
final class Cursor {
  /** Levels of records inside records; only a recursive schema gets this deep. */
  private static final int MAX_DEPTH = 500;

  /** Items without any bytes, over all arrays of a record: their number is bounded by nothing else. */
  private static final int MAX_EMPTY_ITEMS = 10_000;

  final byte[] bytes;
  int at;

  /** The innermost field begun last, for the message. */
  String field = "";

  private int depth = 0;
  private long emptyItems = 0;
  private String refusal = null;

  Cursor(byte[] bytes, int at) {
    this.bytes = bytes;
    this.at = at;
  }

  Undecodable fault(String reason) {
    String place = field.isEmpty() ? "" : " in field " + field;
    return new Undecodable("Not what the schema says" + place + ": " + reason + ", at byte " + at + ".");
  }

  /** Notes the first value that the topic's type does not allow; bytes that break the writer's schema come before it. */
  void refuse(String reason) {
    if (refusal == null) refusal = "Not what the schema says: " + reason + ".";
  }

  /** Null if every value read so far is of its type. */
  String refusal() {
    return refusal;
  }

  int left() {
    return bytes.length - at;
  }

  void skip(long count) {
    if (count > left()) throw fault(count + " bytes are announced and " + left() + " are left");
    at += (int) count;
  }

  long varint() {
    if (at < bytes.length && bytes[at] >= 0) {
      int first = bytes[at++];
      return (first >>> 1) ^ -(first & 1);
    }
    long value = 0;
    for (int length = 0; length < 10; length++) {
      if (at + length >= bytes.length) throw fault("a number is cut off");
      byte next = bytes[at + length];
      if (length == 9 && (next < 0 || next > 1)) break;
      value |= (next & 0x7fL) << (7 * length);
      if (next >= 0) {
        at += length + 1;
        return (value >>> 1) ^ -(value & 1);
      }
    }
    throw fault("a number has more than 64 bits");
  }

  int int32() {
    long value = varint();
    if (value != (int) value) throw fault("a whole number of 32 bits has more");
    return (int) value;
  }

  boolean bool() {
    if (left() == 0) throw fault("a boolean is cut off");
    int value = bytes[at] & 0xff;
    if (value > 1) throw fault(value + " is no boolean");
    at++;
    return value == 1;
  }

  long length() {
    long length = varint();
    if (length < 0) throw fault(length + " bytes are announced");
    return length;
  }

  /** Skips bytes with their length in front, and says where they begin. */
  int bytes() {
    long length = length();
    int start = at;
    skip(length);
    return start;
  }

  /** As {@link #bytes()}, and they are UTF-8. */
  int text() {
    int start = bytes();
    if (!Utf8.isValid(bytes, start, at)) throw fault("a text is not valid UTF-8");
    return start;
  }

  void enter() {
    if (++depth > MAX_DEPTH) throw fault("records are nested more than " + MAX_DEPTH + " deep");
  }

  void leave() {
    depth--;
  }

  /** Counts the items of a block before any is read, so that a hostile count costs nothing. */
  void announce(long count, boolean empty) {
    if (empty) {
      if (count > MAX_EMPTY_ITEMS - emptyItems) throw fault("it has more than " + MAX_EMPTY_ITEMS + " empty items");
      emptyItems += count;
    } else if (count > left()) {
      throw fault(count + " items are announced and " + left() + " bytes are left");
    }
  }
}
