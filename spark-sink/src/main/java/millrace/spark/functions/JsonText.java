package millrace.spark.functions;

/** Text in quotes as JavaScript's {@code JSON.stringify} writes it, so that a reason reads the same on every engine. */
final class JsonText {
  private static final String ESCAPED = "\b\t\n\f\r\"\\";
  private static final String LETTERS = "btnfr\"\\";

  private JsonText() {}

  static String quote(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (int index = 0; index < text.length(); index++) {
      char unit = text.charAt(index);
      int escape = ESCAPED.indexOf(unit);
      if (escape != -1) quoted.append('\\').append(LETTERS.charAt(escape));
      else if (unit < ' ' || isLoneSurrogate(text, index)) quoted.append(String.format("\\u%04x", (int) unit));
      else quoted.append(unit);
    }
    return quoted.append('"').toString();
  }

  private static boolean isLoneSurrogate(String text, int index) {
    char unit = text.charAt(index);
    if (Character.isHighSurrogate(unit)) return index + 1 == text.length() || !Character.isLowSurrogate(text.charAt(index + 1));
    return Character.isLowSurrogate(unit) && (index == 0 || !Character.isHighSurrogate(text.charAt(index - 1)));
  }
}
