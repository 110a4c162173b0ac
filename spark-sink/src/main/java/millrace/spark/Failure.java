package millrace.spark;

import com.datastax.oss.driver.api.core.AllNodesFailedException;
import com.datastax.oss.driver.api.core.DriverTimeoutException;
import com.datastax.oss.driver.api.core.NodeUnavailableException;
import com.datastax.oss.driver.api.core.NoNodeAvailableException;
import com.datastax.oss.driver.api.core.auth.AuthenticationException;
import com.datastax.oss.driver.api.core.connection.BusyConnectionException;
import com.datastax.oss.driver.api.core.connection.ClosedConnectionException;
import com.datastax.oss.driver.api.core.connection.ConnectionInitException;
import com.datastax.oss.driver.api.core.connection.HeartbeatException;
import com.datastax.oss.driver.api.core.servererrors.BootstrappingException;
import com.datastax.oss.driver.api.core.servererrors.InvalidQueryException;
import com.datastax.oss.driver.api.core.servererrors.OverloadedException;
import com.datastax.oss.driver.api.core.servererrors.ReadFailureException;
import com.datastax.oss.driver.api.core.servererrors.ReadTimeoutException;
import com.datastax.oss.driver.api.core.servererrors.ServerError;
import com.datastax.oss.driver.api.core.servererrors.TruncateException;
import com.datastax.oss.driver.api.core.servererrors.UnauthorizedException;
import com.datastax.oss.driver.api.core.servererrors.UnavailableException;
import com.datastax.oss.driver.api.core.servererrors.WriteFailureException;
import com.datastax.oss.driver.api.core.servererrors.WriteTimeoutException;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What an error of the driver means for what was asked, by the codes of Millrace. */
enum Failure implements Fault {
  UNREACHABLE("DATABASE_UNREACHABLE", true, false),
  TIMEOUT("DATABASE_TIMEOUT", true, true),
  OVERLOADED("DATABASE_OVERLOADED", true, true),
  FAILED("DATABASE_FAILED", true, false),
  REFUSED("DATABASE_REFUSED", false, false),
  ROW_REFUSED("RECORD_REJECTED", false, false),
  INVALID("QUERY_INVALID", false, false);

  /**
   * What Cassandra says of a value or row that is too large, or of a key it cannot take. Anything else that it finds invalid, such
   * as a table that is gone, is not the row's fault.
   */
  private static final List<String> ROW_FAULTS =
      List.of(
          "(?s)Batch too large.*",
          "(?s)Request is too big.*",
          "(?s)Rejected an oversized mutation.*",
          "(?si).*\\btoo (large|long|big)\\b.*",
          "(?s).*is longer than maximum of.*",
          "(?s)Key may not be empty.*",
          "(?s)Guardrail \\w+ violated.*");

  private final String code;
  private final boolean isTransient;
  private final boolean isOverload;

  Failure(String code, boolean isTransient, boolean isOverload) {
    this.code = code;
    this.isTransient = isTransient;
    this.isOverload = isOverload;
  }

  static Failure of(Throwable thrown) {
    Throwable error = causeOf(thrown);
    if (error instanceof AllNodesFailedException all) return ofAll(all);
    if (error instanceof WriteTimeoutException || error instanceof ReadTimeoutException || error instanceof DriverTimeoutException) {
      return TIMEOUT;
    }
    if (error instanceof OverloadedException || error instanceof BusyConnectionException) return OVERLOADED;
    if (error instanceof UnavailableException
        || error instanceof BootstrappingException
        || error instanceof NodeUnavailableException
        || error instanceof ClosedConnectionException
        || error instanceof HeartbeatException
        || error instanceof IOException) {
      return UNREACHABLE;
    }
    if (error instanceof WriteFailureException
        || error instanceof ReadFailureException
        || error instanceof TruncateException
        || error instanceof ServerError) {
      return FAILED;
    }
    if (error instanceof AuthenticationException || error instanceof UnauthorizedException) return REFUSED;
    if (error instanceof ConnectionInitException) return UNREACHABLE;
    if (error instanceof InvalidQueryException && ROW_FAULTS.stream().anyMatch(error.getMessage()::matches)) return ROW_REFUSED;
    return INVALID;
  }

  /** Of a request that was tried on several nodes: what the last try of each node says, if all say the same. */
  private static Failure ofAll(AllNodesFailedException all) {
    if (all instanceof NoNodeAvailableException) return UNREACHABLE;
    List<Failure> each =
        all.getAllErrors().values().stream().flatMap(List::stream).map(Failure::of).distinct().toList();
    return each.size() == 1 ? each.get(0) : UNREACHABLE;
  }

  @Override
  public String code() {
    return code;
  }

  /** All writes may be repeated: they carry their version. */
  @Override
  public boolean isTransient() {
    return isTransient;
  }

  /** Whether fewer requests at once would help. */
  boolean isOverload() {
    return isOverload;
  }

  /** The message of an error and, where no node took a request, what each of them said. */
  static String describe(Throwable thrown) {
    Throwable error = causeOf(thrown);
    if (error instanceof AllNodesFailedException all && !all.getAllErrors().isEmpty()) {
      return all.getAllErrors().entrySet().stream()
          .map(node -> node.getKey().getEndPoint() + ": " + node.getValue().get(node.getValue().size() - 1).getMessage())
          .collect(Collectors.joining("; "));
    }
    return Stream.of(error.getMessage(), error.toString()).filter(text -> text != null).findFirst().orElseThrow();
  }

  /** The driver's own error, out of what futures wrap it in. */
  private static Throwable causeOf(Throwable thrown) {
    boolean isWrapped = thrown instanceof CompletionException && thrown.getCause() != null;
    return isWrapped ? thrown.getCause() : thrown;
  }
}
