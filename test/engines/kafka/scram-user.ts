import { pbkdf2Sync, randomBytes } from 'node:crypto'
import * as client from '@platformatic/kafka'

/** As Kafka's own tool: the broker keeps the salted password by mechanism. */
export async function createScramUser(broker: string, name: string, password: string): Promise<void> {
  const [host, port] = broker.split(':')
  const connection = new client.Connection('test')
  await connection.connect(host!, Number(port))
  const iterations = 4096
  for (const [mechanism, digest, bytes] of [
    [1, 'sha256', 32],
    [2, 'sha512', 64],
  ] as const) {
    const salt = randomBytes(16)
    const saltedPassword = pbkdf2Sync(password, salt, iterations, bytes, digest)
    const credential = { name, mechanism, iterations, salt, saltedPassword }
    await client.alterUserScramCredentialsV0.api.async(connection, [], [credential])
  }
  await connection.close()
}
