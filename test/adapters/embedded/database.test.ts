import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type DatabaseOptions, guard, openDatabase, transaction } from '../../../src/adapters/embedded/database.ts'
import { temporaryDirectory } from '../../support.ts'

function open(path: string, options: Partial<DatabaseOptions> = {}): DatabaseSync {
  const database = openDatabase(path, { checkpointPages: 1000, ...options })
  onTestFinished(() => database.close())
  return database
}

function pragma(database: DatabaseSync, name: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${name}`).get()!)[0]
}

describe('a database', () => {
  it('is durable at every commit, in a write-ahead log', () => {
    const database = open(join(temporaryDirectory(), 'a.db'), { checkpointPages: 123, cacheKib: 456, pageBytes: 8192 })
    expect(pragma(database, 'journal_mode')).toBe('wal')
    expect(pragma(database, 'synchronous')).toBe(2)
    expect(pragma(database, 'wal_autocheckpoint')).toBe(123)
    expect(pragma(database, 'cache_size')).toBe(-456)
    expect(pragma(database, 'page_size')).toBe(8192)
  })

  it('opened for reading takes no writes', () => {
    const path = join(temporaryDirectory(), 'a.db')
    open(path).exec('CREATE TABLE t (a)')
    const reader = open(path, { readOnly: true })
    expect(() => guard(path, () => reader.exec('INSERT INTO t VALUES (1)'))).toThrow(
      expect.objectContaining({ code: 'STATE_READ_ONLY' }),
    )
  })

  it('that is none is damaged', () => {
    const path = join(temporaryDirectory(), 'a.db')
    writeFileSync(path, 'something else, and longer than a header would be')
    expect(() => open(path)).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT', place: path }))
  })

  it('that is a directory cannot be opened', () => {
    const path = join(temporaryDirectory(), 'a.db')
    mkdirSync(path)
    expect(() => open(path)).toThrow(expect.objectContaining({ code: 'STATE_READ_ONLY', place: path }))
  })
})

describe('a transaction', () => {
  it('gives back what its work gives, and keeps what it did', () => {
    const path = join(temporaryDirectory(), 'a.db')
    const database = open(path)
    database.exec('CREATE TABLE t (a)')
    const insert = database.prepare('INSERT INTO t VALUES (5) RETURNING a')
    expect(transaction(database, path, () => insert.get())).toMatchObject({ a: 5 })
    expect(database.prepare('SELECT count(*) AS n FROM t').get()).toMatchObject({ n: 1 })
  })

  it('that throws changes nothing and throws the same', () => {
    const path = join(temporaryDirectory(), 'a.db')
    const database = open(path)
    const error = new Error('no')
    const failing = () =>
      transaction(database, path, () => {
        database.exec('CREATE TABLE t (a)')
        throw error
      })
    expect(failing).toThrow(error)
    expect(database.isTransaction).toBe(false)
    expect(() => database.exec('SELECT * FROM t')).toThrow('no such table')
  })

  it('on a full disk says so, and the next one works', () => {
    const path = join(temporaryDirectory(), 'a.db')
    const database = open(path)
    database.exec('CREATE TABLE t (a); PRAGMA max_page_count = 4')
    const insert = database.prepare('INSERT INTO t VALUES (zeroblob(?))')
    expect(() => transaction(database, path, () => insert.run(100_000))).toThrow(
      expect.objectContaining({ code: 'STORAGE_FULL', retry: 'later' }),
    )
    transaction(database, path, () => insert.run(10))
    expect(database.prepare('SELECT count(*) AS n FROM t').get()).toMatchObject({ n: 1 })
  })

  it('waits for another one as long as told, then says that it is busy', () => {
    const path = join(temporaryDirectory(), 'a.db')
    const holder = open(path)
    holder.exec('BEGIN IMMEDIATE')
    const database = open(path, { busyTimeoutMs: 1 })
    expect(() => transaction(database, path, () => 0)).toThrow(
      expect.objectContaining({ code: 'STORAGE_BUSY', retry: 'later' }),
    )
  })
})

it('an error that is not of the storage passes the guard as it is', () => {
  const error = new TypeError('mine')
  expect(() =>
    guard('a.db', () => {
      throw error
    }),
  ).toThrow(error)
})
