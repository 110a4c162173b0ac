package millrace.spark;

import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.UnknownMemberIdException;

/** What an error of Kafka's client means, by the codes of Millrace. */
enum KafkaFailure implements Fault {
  UNREACHABLE("LOG_UNREACHABLE", true),
  /** Also of a producer that another one with its id has replaced: a new one finds out what is left to do. */
  FAILED("LOG_FAILED", true),
  STOPPED("LOG_FAILED", false),
  REFUSED("LOG_REFUSED", false),
  TOO_LARGE("RECORD_TOO_LARGE", false),
  TOPIC_UNKNOWN("TOPIC_UNKNOWN", false),
  HAS_MEMBERS("PARTITION_LOST", false),
  INVALID("CONFIG_INVALID", false);

  private final String code;
  private final boolean isTransient;

  KafkaFailure(String code, boolean isTransient) {
    this.code = code;
    this.isTransient = isTransient;
  }

  /** A producer throws the reason of its failure as the cause of what it throws. */
  static KafkaFailure of(Throwable thrown) {
    for (Throwable error = thrown; error != null; error = error.getCause()) {
      if (error instanceof InterruptException) return STOPPED;
      if (error instanceof TimeoutException) return UNREACHABLE;
      if (error instanceof AuthenticationException || error instanceof AuthorizationException) return REFUSED;
      if (error instanceof RecordTooLargeException) return TOO_LARGE;
      if (error instanceof InvalidTopicException) return TOPIC_UNKNOWN;
      if (error instanceof UnknownMemberIdException) return HAS_MEMBERS;
      // The other is what a certificate or key that cannot be read ends in.
      if (error instanceof ConfigException || error instanceof InvalidConfigurationException) return INVALID;
      if (error instanceof ApiException) return FAILED;
    }
    return FAILED;
  }

  @Override
  public String code() {
    return code;
  }

  @Override
  public boolean isTransient() {
    return isTransient;
  }
}
