/**
 * The program one would write by hand for the same job, without declaration, plan, ports or guarantees beyond
 * durability: one thread parses pages, encodes Avro and appends batches to SQLite; the other reads them, decodes and
 * upserts. The same settings of SQLite as ours, one transaction a batch, an offset kept beside the rows.
 *
 *     node bench/baselines/bare.ts <directory> <pages.json>
 *
 * Prints one line of JSON when every row is durable: { rows, ms }.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { type PagesFile, readPages } from '../pages.ts'
import type { BenchUser } from '../user.ts'
import { columns, toUser, type User, userType } from './row.ts'

function open(path: string, checkpointPages: number): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 5_000 })
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${checkpointPages}`)
  return database
}

/** Length and Avro with Confluent's header, record after record. */
function encodeBatch(users: readonly User[]): Buffer {
  const parts: Buffer[] = []
  for (const user of users) {
    const body = userType.toBuffer(user)
    const header = Buffer.allocUnsafe(9)
    header.writeUInt32BE(body.length + 5, 0)
    header.writeUInt8(0, 4)
    header.writeUInt32BE(1, 5)
    parts.push(header, body)
  }
  return Buffer.concat(parts)
}

async function produce(directory: string, pages: PagesFile): Promise<void> {
  const log = open(join(directory, 'log.db'), 8_000)
  log.exec('CREATE TABLE batch (base INTEGER PRIMARY KEY, count INTEGER NOT NULL, bytes BLOB NOT NULL)')
  const worker = new Worker(new URL(import.meta.url), { workerData: { directory, users: pages.users } })
  await new Promise(resolve => worker.once('message', resolve))
  const started = performance.now()
  const append = log.prepare('INSERT INTO batch VALUES (?, ?, ?)')
  let base = 0
  for (const page of readPages(pages)) {
    const { results } = JSON.parse(page.toString()) as { results: BenchUser[] }
    append.run(base, results.length, encodeBatch(results.map(toUser)))
    base += results.length
    // The page after this one is read when this one is stored, as from an API.
    await delay(0)
  }
  const rows = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  console.log(JSON.stringify({ rows, ms: performance.now() - started }))
  await worker.terminate()
  log.close()
}

async function consume(directory: string, expected: number, tell: (value: unknown) => void): Promise<void> {
  const log = open(join(directory, 'log.db'), 8_000)
  const table = open(join(directory, 'table.db'), 32_000)
  table.exec(`
    CREATE TABLE users (${columns.map(name => `${name} TEXT`).join(', ')}, UNIQUE (id));
    CREATE TABLE progress (id INTEGER PRIMARY KEY, next INTEGER NOT NULL);
  `)
  const updates = columns.slice(1).map(name => `${name} = excluded.${name}`)
  const upsert = table.prepare(
    `INSERT INTO users VALUES (${columns.map(() => '?').join(', ')}) ON CONFLICT (id) DO UPDATE SET ${updates.join(', ')}`,
  )
  const progress = table.prepare('INSERT OR REPLACE INTO progress VALUES (1, ?)')
  const read = log.prepare('SELECT base, count, bytes FROM batch WHERE base >= ? ORDER BY base LIMIT 1')
  tell('ready')
  let next = 0
  while (next < expected) {
    const row = read.get(next) as { base: number; count: number; bytes: Uint8Array } | undefined
    if (row === undefined) {
      await delay(2)
      continue
    }
    const bytes = Buffer.from(row.bytes.buffer, row.bytes.byteOffset, row.bytes.byteLength)
    table.exec('BEGIN IMMEDIATE')
    for (let at = 0; at < bytes.length; ) {
      const length = bytes.readUInt32BE(at)
      const user = userType.fromBuffer(bytes.subarray(at + 9, at + 4 + length)) as User
      upsert.run(...columns.map(name => user[name]))
      at += 4 + length
    }
    next = row.base + row.count
    progress.run(next)
    table.exec('COMMIT')
  }
  tell((table.prepare('SELECT count(*) AS rows FROM users').get() as { rows: number }).rows)
  table.close()
  log.close()
}

if (isMainThread) {
  const [directory, pagesPath] = process.argv.slice(2)
  await produce(directory!, JSON.parse(readFileSync(pagesPath!, 'utf8')) as PagesFile)
} else {
  const { parentPort } = await import('node:worker_threads')
  const { directory, users } = workerData as { directory: string; users: number }
  await consume(directory, users, value => parentPort!.postMessage(value))
}
