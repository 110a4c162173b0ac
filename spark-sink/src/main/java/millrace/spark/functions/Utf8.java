package millrace.spark.functions;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Well-formed UTF-8 after the Unicode standard, table 3-7: no surrogates, no longer forms than needed. */
final class Utf8 {
  private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());
  private static final long HIGH_BITS = 0x8080808080808080L;

  private Utf8() {}

  static boolean isValid(byte[] bytes, int start, int end) {
    int at = start;
    while (at <= end - Long.BYTES && ((long) LONGS.get(bytes, at) & HIGH_BITS) == 0) at += Long.BYTES;
    while (at < end) {
      int length = sequence(bytes, at, end);
      if (length == 0) return false;
      at += length;
    }
    return true;
  }

  /** How many bytes the character here has; 0 for none. */
  private static int sequence(byte[] bytes, int at, int end) {
    int first = bytes[at] & 0xff;
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return continues(bytes, at + 1, end, 0x80, 0xbf) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
      int low = first == 0xe0 ? 0xa0 : 0x80;
      int high = first == 0xed ? 0x9f : 0xbf;
      return continues(bytes, at + 1, end, low, high) && continues(bytes, at + 2, end, 0x80, 0xbf) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
      int low = first == 0xf0 ? 0x90 : 0x80;
      int high = first == 0xf4 ? 0x8f : 0xbf;
      return continues(bytes, at + 1, end, low, high)
              && continues(bytes, at + 2, end, 0x80, 0xbf)
              && continues(bytes, at + 3, end, 0x80, 0xbf)
          ? 4
          : 0;
    }
    return 0;
  }

  private static boolean continues(byte[] bytes, int at, int end, int low, int high) {
    return at < end && (bytes[at] & 0xff) >= low && (bytes[at] & 0xff) <= high;
  }
}
