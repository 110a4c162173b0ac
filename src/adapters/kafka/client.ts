import { MillraceError } from '../../sdk/errors.ts'

export type KafkaClient = typeof import('@platformatic/kafka')

/** Loads the client, which only targets with Kafka need. @throws MillraceError `CONFIG_INVALID` if it is not installed. */
export async function loadClient(): Promise<KafkaClient> {
  try {
    return await import('@platformatic/kafka')
  } catch (cause) {
    throw new MillraceError('CONFIG_INVALID', 'The log is on Kafka, but its client is not installed.', {
      place: '@platformatic/kafka',
      fix: 'Run `npm install @platformatic/kafka@2.12.1`.',
      cause,
    })
  }
}
