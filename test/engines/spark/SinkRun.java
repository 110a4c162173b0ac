import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryListener;
import org.apache.spark.sql.streaming.Trigger;
import org.apache.spark.sql.types.DataType;

/**
 * A Spark of its own that runs one query from Kafka into the sink, for tests and measurements from outside. Takes a JSON file:
 *
 * <p>{@code mode}: batch, append or update; {@code trigger}: availableNow, realTime (with a {@code batch} such as 5 seconds) or none; {@code source}, {@code sink}, {@code
 * conf}: options; {@code sql}: the query on the view {@code records}; {@code functions}: {@code name}, {@code className} and {@code
 * returns} of each; {@code checkpoint}: a directory; {@code format}: of the sink.
 *
 * <p>Java compiles it when it starts, against the Spark that is on the class path: its classes differ between 3.5 and 4.
 *
 * <p>Prints {@code STARTED}, {@code PROGRESS <json>} for each batch, Spark's plan and {@code DONE}, or ends with 1 after {@code
 * FAILED <reason>}; then {@code CPU <microseconds>} of the whole process, also when it is told to end.
 */
public final class SinkRun {
  private SinkRun() {}

  public static void main(String[] args) throws Exception {
    Runtime.getRuntime().addShutdownHook(new Thread(SinkRun::printCpu));
    JsonNode task = new ObjectMapper().readTree(new File(args[0]));
    SparkSession.Builder builder = SparkSession.builder().master(task.path("master").asText("local[2]")).appName("sink-run");
    text(task.path("conf")).forEach(builder::config);
    SparkSession spark = builder.getOrCreate();
    spark.sparkContext().setLogLevel("WARN");
    for (JsonNode each : task.path("functions")) {
      DataType returns = DataType.fromDDL(each.path("returns").asText());
      spark.udf().registerJava(each.path("name").asText(), each.path("className").asText(), returns);
    }
    int status = 0;
    try {
      if (task.path("mode").asText().equals("batch")) batch(spark, task);
      else stream(spark, task);
      System.out.println("DONE");
    } catch (Exception error) {
      System.out.println("FAILED " + chain(error).replace('\n', ' '));
      status = 1;
    }
    System.exit(status);
  }

  private static void printCpu() {
    var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    System.out.println("CPU " + system.getProcessCpuTime() / 1000);
  }

  private static void batch(SparkSession spark, JsonNode task) {
    spark.read().format("kafka").options(text(task.path("source"))).load().createOrReplaceTempView("records");
    spark.sql(task.path("sql").asText()).write().format(format(task)).options(text(task.path("sink"))).mode("append").save();
  }

  private static void stream(SparkSession spark, JsonNode task) throws Exception {
    spark.streams().addListener(new Printer());
    spark.readStream().format("kafka").options(text(task.path("source"))).load().createOrReplaceTempView("records");
    Dataset<Row> rows = spark.sql(task.path("sql").asText());
    DataStreamWriter<Row> writer =
        rows.writeStream()
            .format(format(task))
            .outputMode(task.path("mode").asText())
            .options(text(task.path("sink")))
            .option("checkpointLocation", task.path("checkpoint").asText());
    String trigger = task.path("trigger").asText();
    if (trigger.equals("availableNow")) writer.trigger(Trigger.AvailableNow());
    if (trigger.equals("realTime")) writer.trigger(realTime(task.path("batch").asText("5 minutes")));
    StreamingQuery query = writer.start();
    System.out.println("STARTED");
    query.awaitTermination();
    query.explain(true);
  }

  /** Spark 3.5 has no such trigger. */
  private static Trigger realTime(String batch) throws ReflectiveOperationException {
    return (Trigger) Trigger.class.getMethod("RealTime", String.class).invoke(null, batch);
  }

  private static String format(JsonNode task) {
    return task.path("format").asText("millrace.spark.CassandraSink");
  }

  private static Map<String, String> text(JsonNode options) {
    Map<String, String> map = new HashMap<>();
    options.fields().forEachRemaining(each -> map.put(each.getKey(), each.getValue().asText()));
    return map;
  }

  private static String chain(Throwable error) {
    StringBuilder text = new StringBuilder();
    for (Throwable each = error; each != null; each = each.getCause()) text.append(each).append(" <- ");
    return text.toString();
  }

  private static final class Printer extends StreamingQueryListener {
    @Override
    public void onQueryStarted(QueryStartedEvent event) {}

    @Override
    public void onQueryProgress(QueryProgressEvent event) {
      System.out.println("PROGRESS " + event.progress().json().replace('\n', ' '));
    }

    @Override
    public void onQueryTerminated(QueryTerminatedEvent event) {}
  }
}
