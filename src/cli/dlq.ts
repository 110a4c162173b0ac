import type { Command } from 'commander'
import type { CliContext } from './context.ts'
import { addExamples, wholeNumber } from './options.ts'

export function addDlqCommand(program: Command, context: CliContext): void {
  const dlq = program
    .command('dlq')
    .description('List, show and replay dead letters: records that could not be processed')
  dlq.helpCommand(false)
  const list = dlq
    .command('list')
    .description('List dead letters that were not replayed, newest first')
    .argument('[topic]', 'the topic they come from or go to; default: all')
    .option('--limit <n>', 'letters at most (default: 50)', wholeNumber(1, 1_000))
    .action(async (topic: string | undefined, { limit = 50 }: { readonly limit?: number }, self: Command) => {
      const { listLetters } = await import('./dlq-read.ts')
      await listLetters(self, context, topic, limit)
    })
  const show = dlq
    .command('show')
    .description('Show one dead letter with its bytes')
    .argument('<id>', 'as the list shows it; its first characters are enough')
    .action(async (id: string, _, self: Command) => {
      const { showLetter } = await import('./dlq-read.ts')
      await showLetter(self, context, id)
    })
  const replay = dlq
    .command('replay')
    .description('Give dead letters to their stage again; one that would still fail stays, with the reason')
    .argument('[id...]', 'as the list shows them')
    .option('--all', 'all that were not replayed yet')
    .option('--stage <pipeline/stage>', 'with --all: only those of one stage')
    .action(async (ids: string[], options: { readonly all?: boolean; readonly stage?: string }, self: Command) => {
      const { replayLetters } = await import('./dlq-replay.ts')
      await replayLetters(self, context, ids, options)
    })
  addExamples(dlq, [
    ['millrace dlq list', 'what failed, and why'],
    ['millrace dlq show 4f1c09', 'one of them'],
    ['millrace dlq replay --all --stage users/spark_stream', 'after the cause is corrected'],
  ])
  addExamples(list, [['millrace dlq list users_created --json', '']])
  addExamples(show, [['millrace dlq show 4f1c09', '']])
  addExamples(replay, [
    ['millrace dlq replay 4f1c09 77aa01', 'two of them'],
    ['millrace dlq replay --all', 'all'],
  ])
}
