import type { Command } from 'commander'
import { MillraceError } from '../sdk/errors.ts'
import type { CliContext } from './context.ts'
import { interrupted } from './interrupted.ts'
import { addExamples, wholeNumber } from './options.ts'
import { withSession } from './session.ts'

const defaultPort = 8081

export function addRegistryCommand(program: Command, context: CliContext): void {
  const command = program
    .command('registry')
    .description('Serve the embedded schema registry over Confluent’s REST API, until Ctrl-C')
    .option('--port <n>', 'TCP port on 127.0.0.1; 0 for any free one', wholeNumber(0, 65_535), defaultPort)
    .action(async ({ port }: { readonly port: number }, self: Command) => {
      await withSession(self, context, { state: 'create' }, async ({ target, options, project }) => {
        const adapter: string | undefined = project.config.targets[options.target]?.registry.adapter
        if (adapter !== 'embedded') throw notEmbedded(options.target)
        const { serveOnLoopback } = await import('../server/loopback.ts')
        const { registryRest } = await import('../server/registry-rest.ts')
        const server = await serveOnLoopback(registryRest(await target.registry()), port)
        try {
          if (options.json) await context.stdout.json({ url: server.url })
          else await context.stdout.line(server.url)
          await context.stderr.line(`Try    curl ${server.url}/subjects`)
          await context.stderr.line(`Use    as schema.registry.url of any Kafka client on this machine`)
          await interrupted(context.signal)
        } finally {
          await server.close()
        }
      })
    })
  addExamples(command, [
    ['millrace registry', `on port ${defaultPort}`],
    ['millrace registry --port 0 --json', 'on any free port, printed as JSON'],
  ])
}

function notEmbedded(target: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', `The registry of the target ${target} is not embedded.`, {
    place: `millrace.config.ts › targets.${target}.registry`,
    fix: 'It serves its API itself: use its own URL.',
  })
}
