package millrace.spark;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.CqlSessionBuilder;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.metadata.EndPoint;
import com.datastax.oss.driver.api.core.ssl.ProgrammaticSslEngineFactory;
import com.datastax.oss.driver.internal.core.metadata.DefaultEndPoint;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;

/** The connections to Cassandra of this JVM, one for each cluster. */
final class Connections {
  private static final Duration FIRST_RECONNECT = Duration.ofMillis(250);
  private static final Duration LONGEST_RECONNECT = Duration.ofSeconds(5);
  private static final int DEFAULT_PORT = 9042;

  private static final Pool<Settings.Cluster, CqlSession> OPEN = new Pool<>(CqlSession::closeAsync);

  private Connections() {}

  /** @throws SinkException DATABASE_UNREACHABLE once {@code retryFor} has passed, DATABASE_REFUSED, CONFIG_INVALID */
  static Pool<Settings.Cluster, CqlSession>.Lease lease(Settings.Cluster cluster, Duration retryFor) {
    String what = "Connecting to Cassandra at " + String.join(", ", cluster.contactPoints());
    return OPEN.lease(cluster, () -> Retry.persist(retryFor, what, Failure::of, () -> connect(cluster)));
  }

  private static CqlSession connect(Settings.Cluster cluster) {
    DriverConfigLoader config =
        DriverConfigLoader.programmaticBuilder(Connections.class.getClassLoader())
            .withString(DefaultDriverOption.LOAD_BALANCING_LOCAL_DATACENTER, cluster.localDataCenter())
            .withString(DefaultDriverOption.REQUEST_CONSISTENCY, cluster.consistency())
            .withDuration(DefaultDriverOption.REQUEST_TIMEOUT, cluster.timeout())
            .withDuration(DefaultDriverOption.CONNECTION_CONNECT_TIMEOUT, cluster.timeout())
            .withDuration(DefaultDriverOption.CONNECTION_INIT_QUERY_TIMEOUT, cluster.timeout())
            .withDuration(DefaultDriverOption.CONTROL_CONNECTION_TIMEOUT, cluster.timeout())
            .withBoolean(DefaultDriverOption.REQUEST_DEFAULT_IDEMPOTENCE, true)
            // Unlogged batches of several partitions make the nodes warn in their answers.
            .withBoolean(DefaultDriverOption.REQUEST_LOG_WARNINGS, false)
            .withDuration(DefaultDriverOption.RECONNECTION_BASE_DELAY, FIRST_RECONNECT)
            .withDuration(DefaultDriverOption.RECONNECTION_MAX_DELAY, LONGEST_RECONNECT)
            .withStringList(DefaultDriverOption.METADATA_SCHEMA_REFRESHED_KEYSPACES, List.of(cluster.keyspace()))
            .withInt(DefaultDriverOption.NETTY_IO_SIZE, 2)
            .withInt(DefaultDriverOption.NETTY_ADMIN_SIZE, 1)
            .withBoolean(DefaultDriverOption.NETTY_DAEMON, true)
            .build();
    CqlSessionBuilder builder = CqlSession.builder().withConfigLoader(config).withClassLoader(Connections.class.getClassLoader());
    for (String point : cluster.contactPoints()) builder.addContactEndPoint(endPoint(point));
    Settings.Credentials credentials = cluster.credentials();
    if (credentials != null) builder.withAuthCredentials(credentials.user(), credentials.password());
    if (cluster.tls() != null) {
      builder.withSslEngineFactory(new ProgrammaticSslEngineFactory(TlsContext.of(cluster.tls()), null, true));
    }
    return builder.build();
  }

  /** A name is looked up again for each connection, so that a node may move. */
  private static EndPoint endPoint(String point) {
    int colon = point.lastIndexOf(':');
    boolean hasPort = colon > point.lastIndexOf(']');
    String host = hasPort ? point.substring(0, colon) : point;
    int port = hasPort ? Integer.parseInt(point.substring(colon + 1)) : DEFAULT_PORT;
    return new DefaultEndPoint(InetSocketAddress.createUnresolved(host, port));
  }
}
