package millrace.spark;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.cql.BoundStatementBuilder;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;

/**
 * Sends the rows of one task, several in a request and several requests at once, both bounded, and repeats what Cassandra does not take
 * for now.
 *
 * <p>A row waits for others only for a moment after one was sent: under load requests are full, and a single row goes at once. So nothing
 * is left behind where no end of a batch ever comes (real-time mode).
 */
final class Sender {
  /** Cassandra refuses batches of more than 50 KiB unless told otherwise ({@code batch_size_fail_threshold}). */
  private static final int MAX_BYTES = 36 * 1024;

  /** In nanoseconds, for which a row waits for others: rows that come faster share requests. */
  private static final long MOMENT = 2_000_000;

  /** So few rows are sent in small requests rather than wait for another moment. */
  private static final int FEW = 8;

  private static final ScheduledExecutorService TIMER = timer();

  private final CqlSession session;
  private final Settings settings;
  private final Settings.Limits limits;
  private final Window window;

  /** Null where a row that Cassandra refuses fails the query. */
  private final BiConsumer<EncodedRow, String> refused;

  private final Pool<?, Writes>.Lease writes;

  /** All upserts or all deletes. */
  private List<EncodedRow> pending = new ArrayList<>(Writes.MAX_ROWS);

  private int pendingBytes;
  private int requests;
  private long bytes;
  private long sent;
  private long sentAt = System.nanoTime() - MOMENT;

  private long pendingSince;

  /** Whether the timer will look at {@code pending}. */
  private boolean isTimed;

  /** Whether the moment of {@code pending} has passed, so that it goes when there is room. */
  private boolean isOverdue;

  /** The window is halved once for all the requests that were on their way when it was. */
  private long halvedAt;

  private SinkException failed;
  private boolean closed;
  private boolean warned;

  /** @param refused given each row that can never be stored, with the reason; null to fail instead */
  Sender(CqlSession session, Settings settings, Layout layout, BiConsumer<EncodedRow, String> refused) {
    this.session = session;
    this.settings = settings;
    this.limits = settings.limits();
    this.refused = refused;
    this.window = new Window(limits.requestsInFlight());
    this.writes = Writes.lease(session, settings.table(), layout, limits.retryFor());
  }

  /** Takes a row, and waits while too much is on its way. @throws SinkException once an earlier row could not be written */
  synchronized void add(EncodedRow row) throws InterruptedException {
    boolean isOther = !pending.isEmpty() && pending.get(0).deleted() != row.deleted();
    if (isOther || pendingBytes + row.bytes() > MAX_BYTES) sendPending();
    if (pending.isEmpty()) pendingSince = System.nanoTime();
    pending.add(row);
    pendingBytes += row.bytes();
    if (pending.size() == Writes.MAX_ROWS || isIdle()) sendPending();
    else if (!isTimed) lookAgainIn(MOMENT);
    refuseIfFailed();
  }

  /** Resolves once every row that was added is durable. */
  synchronized void flush() throws InterruptedException {
    sendPending();
    while (requests > 0 && failed == null) wait();
    refuseIfFailed();
  }

  /** Gives up what waits to be repeated. What is on its way may still be written, which does no harm. */
  synchronized void close() {
    closed = true;
    pending.clear();
    writes.close();
  }

  private void refuseIfFailed() {
    if (failed != null) throw failed;
  }

  private boolean isIdle() {
    return requests == 0 && pendingSince - sentAt >= MOMENT;
  }

  private boolean hasRoom() {
    return requests == 0 || (requests < window.size() && bytes + pendingBytes <= limits.bytesInFlight());
  }

  private void sendPending() throws InterruptedException {
    while (failed == null && !hasRoom()) wait();
    if (failed == null) dispatchPending();
  }

  private void lookAgainIn(long nanos) {
    isTimed = true;
    TIMER.schedule(this::look, nanos, TimeUnit.NANOSECONDS);
  }

  private synchronized void look() {
    isTimed = false;
    if (pending.isEmpty()) return;
    long left = pendingSince + MOMENT - System.nanoTime();
    if (left > 0) {
      lookAgainIn(left);
      return;
    }
    isOverdue = true;
    try {
      sendOverdue();
    } catch (RuntimeException error) {
      // Nobody sees what the timer throws, and the rows it was to send are lost.
      fail(new SinkException("INVARIANT_BROKEN", "Rows were not sent: " + error, error));
      notifyAll();
    }
  }

  private void sendOverdue() {
    if (!isOverdue || !hasRoom() || failed != null || closed) return;
    isOverdue = false;
    if (pending.size() < FEW) {
      dispatchPending();
    } else {
      dispatchFirst();
      pendingSince = System.nanoTime();
      if (!pending.isEmpty() && !isTimed) lookAgainIn(MOMENT);
    }
  }

  /** In as many requests as their number has bits: each number of rows is a statement of its own, and six of them are enough. */
  private void dispatchPending() {
    isOverdue = false;
    while (!pending.isEmpty()) dispatchFirst();
  }

  private void dispatchFirst() {
    int count = Integer.highestOneBit(pending.size());
    List<EncodedRow> rows = pending.subList(0, count);
    pending = new ArrayList<>(pending.subList(count, pending.size()));
    for (EncodedRow row : rows) pendingBytes -= row.bytes();
    dispatch(rows);
  }

  private void dispatch(List<EncodedRow> rows) {
    Request request = new Request(rows);
    requests += 1;
    bytes += request.size;
    request.send();
  }

  /** A request is over: there is room for another. */
  private void done(Request request) {
    requests -= 1;
    bytes -= request.size;
    sendOverdue();
    notifyAll();
  }

  /** Its thread ends with the tasks that need it, as a session's classes shall. */
  private static ScheduledExecutorService timer() {
    ScheduledThreadPoolExecutor timer = new ScheduledThreadPoolExecutor(1, Sender::thread);
    timer.setKeepAliveTime(1, TimeUnit.SECONDS);
    timer.allowCoreThreadTimeOut(true);
    return timer;
  }

  private static Thread thread(Runnable work) {
    Thread thread = new Thread(work, "millrace-sender");
    thread.setDaemon(true);
    return thread;
  }

  private void fail(SinkException reason) {
    if (failed == null) failed = reason;
  }

  /** Rows that go to Cassandra together. */
  private final class Request {
    private final List<EncodedRow> rows;
    private final long size;
    private final BoundStatement statement;
    private final Retry retry = new Retry(limits.retryFor());
    private long sequence;

    Request(List<EncodedRow> rows) {
      this.rows = rows;
      this.size = rows.stream().mapToLong(EncodedRow::heldBytes).sum();
      List<PreparedStatement> prepared = rows.get(0).deleted() ? writes.value().deletes() : writes.value().upserts();
      BoundStatementBuilder builder = prepared.get(Integer.numberOfTrailingZeros(rows.size())).boundStatementBuilder();
      int at = 0;
      for (EncodedRow row : rows) {
        for (ByteBuffer value : row.values()) {
          // A value that is not set is left as it is in the table.
          if (value != null || !settings.appendOnly()) builder.setBytesUnsafe(at, value);
          at += 1;
        }
      }
      this.statement = builder.build();
    }

    void send() {
      sequence = ++sent;
      sentAt = System.nanoTime();
      try {
        session.executeAsync(statement).whenComplete((result, error) -> answered(error));
      } catch (RuntimeException error) {
        // Nobody waits for what a timer sends: an error that nobody sees would leave the task waiting.
        answered(error);
      }
    }

    private void answered(Throwable error) {
      synchronized (Sender.this) {
        if (error == null) {
          window.answered(requests);
          done(this);
          return;
        }
        Failure failure = Failure.of(error);
        if (failure.isOverload() && sequence > halvedAt) {
          halvedAt = sent;
          window.overloaded();
        }
        if (failure == Failure.ROW_REFUSED && rows.size() > 1) {
          sendApart();
        } else if (failure == Failure.ROW_REFUSED && refused != null) {
          refused.accept(rows.get(0), "Cassandra refuses the row: " + Failure.describe(error) + " (" + settings.table() + ")");
          done(this);
        } else if (!failure.isTransient() || !sendLater(error)) {
          fail(explain(failure, error));
          done(this);
        }
      }
    }

    /** Which of the rows it is, if it is not their number, shows when each goes alone. */
    private void sendApart() {
      for (EncodedRow row : rows) dispatch(List.of(row));
      done(this);
    }

    /** With the same timestamp a write that did happen has no further effect. */
    private boolean sendLater(Throwable error) {
      long pause = closed || failed != null ? -1 : retry.pauseMs();
      if (pause < 0) return false;
      if (!warned) Retry.warn("Writing to " + settings.table(), limits.retryFor(), error);
      warned = true;
      Executor later = CompletableFuture.delayedExecutor(pause, TimeUnit.MILLISECONDS);
      later.execute(
          () -> {
            synchronized (Sender.this) {
              send();
            }
          });
      return true;
    }

    private SinkException explain(Failure failure, Throwable error) {
      SourceRecord first = rows.get(0).source();
      String record = settings.topic() + "[" + first.partition() + "] offset " + first.offset();
      String which = rows.size() == 1 ? record : rows.size() + " rows from " + record + " on";
      String limit = failure.isTransient() ? " within " + limits.retryFor() : "";
      String message = settings.table() + " did not take " + which + limit + ": " + Failure.describe(error);
      return new SinkException(failure.code(), message, error);
    }
  }
}
