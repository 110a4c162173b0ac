import avsc from 'avsc'
import type { SentUser } from './sent-record.ts'

/** Registers a schema, as any program may, and returns its id. */
export async function register(registryUrl: string, subject: string, schema: object): Promise<number> {
  const answer = await fetch(`${registryUrl}/subjects/${subject}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema: JSON.stringify(schema) }),
  })
  if (!answer.ok) throw new Error(`The registry answered ${answer.status}: ${await answer.text()}`)
  return ((await answer.json()) as { readonly id: number }).id
}

/** Users of a program that is newer than the pipeline: they have a field more. */
export interface NewerUsers {
  /** In Confluent's wire format, with the id that their schema has or will have. */
  encode(schemaId: number, user: SentUser): Buffer
  /** Registers their schema, and returns its id. */
  register(): Promise<number>
}

/** @param field that they have more; one that no other users of the topic's subject have */
export async function newerUsers(registryUrl: string, topic: string, field = 'nickname'): Promise<NewerUsers> {
  const answer = await fetch(`${registryUrl}/subjects/${topic}-value/versions/latest`)
  if (!answer.ok) throw new Error(`The registry answered ${answer.status} for the schema of ${topic}.`)
  const latest = JSON.parse(((await answer.json()) as { readonly schema: string }).schema) as {
    readonly fields: readonly object[]
  }
  const schema = { ...latest, fields: [...latest.fields, { name: field, type: 'string', default: '' }] }
  const type = avsc.Type.forSchema(schema as unknown as avsc.Schema)
  return {
    encode(schemaId, user) {
      const frame = Buffer.alloc(5)
      frame.writeUInt32BE(schemaId, 1)
      return Buffer.concat([frame, type.toBuffer({ ...user, [field]: 'new' })])
    },
    register: () => register(registryUrl, `${topic}-value`, schema),
  }
}
