package millrace.spark.functions;

import com.fasterxml.jackson.core.io.NumberOutput;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import org.apache.spark.sql.api.java.UDF1;

/** {@code millrace_number_text(DOUBLE)}: a number as JavaScript writes it, {@code 1e21} and {@code 0.000001}. */
public final class NumberText implements UDF1<Double, String> {
  private static final long serialVersionUID = 1L;

  @Override
  public String call(Double value) {
    return value == null ? null : text(value);
  }

  /** ECMA-262, Number::toString. */
  static String text(double value) {
    if (value == 0) return "0";
    if (!Double.isFinite(value)) return Double.toString(value);
    if (value == Math.rint(value) && Math.abs(value) < 1L << 53) return Long.toString((long) value);
    String sign = value < 0 ? "-" : "";
    BigDecimal shortest = shortest(Math.abs(value));
    String digits = shortest.unscaledValue().toString();
    // The value is 0.<digits> × 10^point.
    int point = digits.length() - shortest.scale();
    return sign + written(digits, point);
  }

  private static String written(String digits, int point) {
    int length = digits.length();
    if (length <= point && point <= 21) return digits + "0".repeat(point - length);
    if (0 < point && point <= 21) return digits.substring(0, point) + "." + digits.substring(point);
    if (-6 < point && point <= 0) return "0." + "0".repeat(-point) + digits;
    String exponent = (point > 0 ? "e+" : "e-") + Math.abs(point - 1);
    return length == 1 ? digits + exponent : digits.charAt(0) + "." + digits.substring(1) + exponent;
  }

  /**
   * The fewest digits that read back as the value, and of those the closest. Java's own text is not always that before JDK 19;
   * Jackson has the later algorithm, which gives two digits where one would do.
   */
  private static BigDecimal shortest(double value) {
    BigDecimal shortest = new BigDecimal(NumberOutput.toString(value, true)).stripTrailingZeros();
    if (shortest.unscaledValue().compareTo(BigInteger.TEN) < 0 || shortest.precision() != 2) return shortest;
    BigDecimal oneDigit = shortest.setScale(shortest.scale() - 1, RoundingMode.HALF_UP).stripTrailingZeros();
    return oneDigit.doubleValue() == value ? oneDigit : shortest;
  }
}
