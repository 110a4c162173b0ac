package millrace.spark.functions;

import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import org.apache.spark.sql.api.java.UDF1;

/** {@code millrace_time_text(BIGINT)}: milliseconds from 1970 as JavaScript's {@code Date.toISOString} writes them. */
public final class TimeText implements UDF1<Long, String> {
  private static final long serialVersionUID = 1L;

  @Override
  public String call(Long millis) {
    return millis == null ? null : text(millis);
  }

  static String text(long millis) {
    OffsetDateTime time = Instant.ofEpochMilli(millis).atOffset(ZoneOffset.UTC);
    int year = time.getYear();
    StringBuilder text = new StringBuilder(27);
    if (year >= 0 && year <= 9999) pad(text, year, 4);
    else pad(text.append(year < 0 ? '-' : '+'), Math.abs(year), 6);
    pad(text.append('-'), time.getMonthValue(), 2);
    pad(text.append('-'), time.getDayOfMonth(), 2);
    pad(text.append('T'), time.getHour(), 2);
    pad(text.append(':'), time.getMinute(), 2);
    pad(text.append(':'), time.getSecond(), 2);
    pad(text.append('.'), time.getNano() / 1_000_000, 3);
    return text.append('Z').toString();
  }

  private static void pad(StringBuilder text, int number, int digits) {
    String written = Integer.toString(number);
    text.append("0".repeat(digits - written.length())).append(written);
  }
}
