package millrace.spark.functions;

import org.apache.spark.unsafe.types.UTF8String;

/** RFC 9562's text form: five groups of hexadecimal digits. */
final class Uuids {
  private static final int LENGTH = 36;

  private Uuids() {}

  /** In either case. */
  static boolean isUuid(byte[] bytes, int start, int length) {
    if (length != LENGTH) return false;
    for (int index = 0; index < LENGTH; index++) {
      int character = bytes[start + index];
      boolean hyphen = index == 8 || index == 13 || index == 18 || index == 23;
      if (hyphen ? character != '-' : !isHexadecimal(character)) return false;
    }
    return true;
  }

  static UTF8String lowerCase(byte[] bytes, int start, int length) {
    for (int index = start; index < start + length; index++) {
      if (bytes[index] >= 'A' && bytes[index] <= 'F') return UTF8String.fromBytes(bytes, start, length).toLowerCase();
    }
    return UTF8String.fromBytes(bytes, start, length);
  }

  private static boolean isHexadecimal(int character) {
    return (character >= '0' && character <= '9')
        || (character >= 'a' && character <= 'f')
        || (character >= 'A' && character <= 'F');
  }
}
