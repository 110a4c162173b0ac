import { type Command, InvalidArgumentError } from 'commander'
import type { CliContext } from './context.ts'
import { addExamples, wholeNumber } from './options.ts'
import type { KafkaRelease, SparkKind, StackLogsOptions, StackUpOptions } from './stack-session.ts'

const kafkaReleases: readonly KafkaRelease[] = ['4.4', '3.9-zookeeper']
const sparkKinds: readonly SparkKind[] = ['local', 'standalone']
const engineHelp = 'kafka, schema-registry, cassandra, spark, postgres, airflow (default: all)'

export function addStackCommand(program: Command, context: CliContext): void {
  const stack = program
    .command('stack')
    .description('Start and stop real engines on this machine: Kafka, a schema registry, Cassandra, Spark, Airflow')
  stack.helpCommand(false)
  const up = stack
    .command('up')
    .description('Start engines and wait until they are healthy; those that run are left alone')
    .argument('[engine...]', engineHelp)
    .option('--kafka <release>', kafkaReleases.join(' or '), kafkaRelease, kafkaReleases[0])
    .option('--spark <kind>', 'local (one process) or standalone (master, worker, executors)', sparkKind, sparkKinds[0])
    .option('--free-ports', 'take ports that are free instead of 9092, 8081, 9042, 15002 and 8080')
    .option('--heap <engine=size...>', 'most memory of a Java heap, such as kafka=1g', addHeap)
    .option('--docker', 'in containers (default where a Docker engine answers)')
    .option('--native', 'as processes of this machine (default elsewhere)')
    .action(async (names: string[], options: StackUpOptions, self: Command) => {
      const { stackUpCommand } = await import('./stack-change.ts')
      await stackUpCommand(self, context, names, options)
    })
  const down = stack
    .command('down')
    .description('Stop engines and keep their data')
    .argument('[engine...]', engineHelp)
    .action(async (names: string[], _, self: Command) => {
      const { stackDownCommand } = await import('./stack-change.ts')
      await stackDownCommand(self, context, names)
    })
  const status = stack
    .command('status')
    .description('Ask each engine how it is')
    .action(async (_, self: Command) => {
      const { stackStatusCommand } = await import('./stack-look.ts')
      await stackStatusCommand(self, context)
    })
  const logs = stack
    .command('logs')
    .description('Print the end of what engines log')
    .argument('[engine...]', engineHelp)
    .option('-f, --follow', 'go on as lines are written, until Ctrl-C')
    .option('--lines <n>', 'lines of each log', wholeNumber(0, 10_000), 50)
    .action(async (names: string[], options: StackLogsOptions, self: Command) => {
      const { stackLogsCommand } = await import('./stack-look.ts')
      await stackLogsCommand(self, context, names, options)
    })
  const reset = stack
    .command('reset')
    .description('Stop engines and delete their data')
    .argument('[engine...]', engineHelp)
    .option('--yes', 'do not ask')
    .action(async (names: string[], { yes = false }: { readonly yes?: boolean }, self: Command) => {
      const { stackResetCommand } = await import('./stack-change.ts')
      await stackResetCommand(self, context, names, yes)
    })
  addExamples(stack, [
    ['millrace stack up', 'Kafka, registry, Cassandra, Spark, and Airflow on PostgreSQL'],
    ['millrace stack up kafka schema-registry cassandra', 'what the target `stack` needs'],
    ['millrace stack up kafka --kafka 3.9-zookeeper', 'the older Kafka, with ZooKeeper'],
    ['millrace stack status', 'what runs, and how it is'],
    ['millrace stack logs cassandra -f', 'what it says'],
    ['millrace stack down', 'stop all; the data stays'],
  ])
  addExamples(up, [
    ['millrace stack up kafka cassandra --free-ports', 'beside others that have the usual ports'],
    ['millrace stack up --heap kafka=1g cassandra=2g', 'with more memory'],
    ['millrace stack up airflow', 'with the PostgreSQL that it needs'],
    ['millrace stack up --native', 'without Docker; what it needs is in docs/stack.md'],
  ])
  addExamples(down, [['millrace stack down kafka', '']])
  addExamples(status, [['millrace stack status --json', 'with ports, pids and connection settings']])
  addExamples(logs, [['millrace stack logs kafka --lines 200', '']])
  addExamples(reset, [
    ['millrace stack reset', 'all, after a question'],
    ['millrace stack reset kafka --yes', 'its topics, and nothing else'],
  ])
}

function kafkaRelease(text: string): KafkaRelease {
  const release = kafkaReleases.find(each => each === text)
  if (release === undefined) throw new InvalidArgumentError(`There are: ${kafkaReleases.join(', ')}.`)
  return release
}

function sparkKind(text: string): SparkKind {
  const kind = sparkKinds.find(each => each === text)
  if (kind === undefined) throw new InvalidArgumentError(`There are: ${sparkKinds.join(', ')}.`)
  return kind
}

const heapServices = ['kafka', 'zookeeper', 'schema-registry', 'cassandra', 'spark', 'spark-master', 'spark-worker']

function addHeap(text: string, others: { readonly [service: string]: string } = {}): { [service: string]: string } {
  const [, service = '', size = ''] = /^([a-z-]+)=([1-9]\d{0,5}[mg])$/.exec(text) ?? []
  if (!heapServices.includes(service)) {
    throw new InvalidArgumentError(`Write it as kafka=1g or kafka=768m. There are: ${heapServices.join(', ')}.`)
  }
  return { ...others, [service]: size }
}
