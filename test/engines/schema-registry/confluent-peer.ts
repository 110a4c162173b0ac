import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'

const requirements = join(import.meta.dirname, 'requirements.txt')
const script = join(import.meta.dirname, 'confluent_peer.py')

export interface PeerRequest {
  readonly url: string
  readonly topic: string
  /** As text. */
  readonly schema: string
  /** Base64. */
  readonly decode: readonly string[]
  readonly encode: readonly unknown[]
}

export interface PeerAnswer {
  readonly decoded: readonly unknown[]
  /** Base64. */
  readonly encoded: readonly string[]
}

/** A Python with Confluent's client in it, kept between runs. Throws with the name of what is missing. */
export function installConfluentClient(): string {
  const wanted = readFileSync(requirements, 'utf8').trim()
  const name = createHash('sha256').update(wanted).digest('hex').slice(0, 12)
  const directory = join(tmpdir(), `millrace-confluent-client-${name}`)
  const python = join(directory, 'bin', 'python')
  if (existsSync(join(directory, 'installed'))) return python
  rmSync(directory, { recursive: true, force: true })
  const steps: readonly (readonly [command: string, ...args: string[]])[] = [
    ['python3', '-m', 'venv', directory],
    [python, '-m', 'pip', 'install', '--quiet', '--requirement', requirements],
    ['touch', join(directory, 'installed')],
  ]
  for (const [command, ...args] of steps) {
    const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`${wanted} is missing: ${command} ${args.join(' ')}: ${error ?? stderr}`)
  }
  return python
}

/** What Confluent's client makes of bytes and records. */
export async function askConfluentClient(python: string, request: PeerRequest): Promise<PeerAnswer> {
  const peer = spawn(python, [script], { stdio: ['pipe', 'pipe', 'inherit'] })
  peer.stdin.end(JSON.stringify(request))
  return (await json(peer.stdout)) as PeerAnswer
}
