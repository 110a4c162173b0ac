import avsc from 'avsc'
import type { SentUser } from './sent-record.ts'

/** Users in Confluent's wire format, in the latest schema that the registry has for the topic. */
export async function userEncoding(registryUrl: string, topic: string): Promise<(user: SentUser) => Buffer> {
  const answer = await fetch(`${registryUrl}/subjects/${topic}-value/versions/latest`)
  if (!answer.ok) throw new Error(`The registry answered ${answer.status} for the schema of ${topic}.`)
  const { id, schema } = (await answer.json()) as { id: number; schema: string }
  const type = avsc.Type.forSchema(JSON.parse(schema) as avsc.Schema)
  const frame = Buffer.alloc(5)
  frame.writeUInt32BE(id, 1)
  return user => Buffer.concat([frame, type.toBuffer(user)])
}
