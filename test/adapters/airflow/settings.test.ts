import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readSettings } from '../../../src/adapters/airflow/settings.ts'
import type { AirflowConfig } from '../../../src/sdk/targets/airflow.ts'
import { temporaryDirectory } from '../../support.ts'

const program = { command: ['node', 'millrace'], project: '/project', state: '/state', target: 'full' }
const auth = { kind: 'password', user: 'airflow', password: { env: 'PASSWORD' } } as const
const config: AirflowConfig = { adapter: 'airflow', url: 'https://airflow.example.com/x/', auth, dags: 'dags' }

function settings(changes: Partial<AirflowConfig> = {}, env: { [name: string]: string } = { PASSWORD: 'secret' }) {
  return readSettings({ ...config, ...changes }, program, { env, directory: '/project' })
}

describe('the settings of Airflow', () => {
  it('have their defaults, and paths from the project on', () => {
    const { url, dags, timeoutMs, tries, parseMs, ...rest } = settings()
    expect(url.href).toBe('https://airflow.example.com/x')
    expect({ dags, timeoutMs, tries, parseMs }).toEqual({
      dags: '/project/dags',
      timeoutMs: 10_000,
      tries: 4,
      parseMs: 90_000,
    })
    expect(rest.program).toEqual(program)
  })

  it('are by default where the stack keeps its DAG files, in this state directory', () => {
    const { dags: _, ...withoutDags } = config
    const here = { env: {}, directory: '/project' }
    const task = { state: '/on/the/worker' }
    expect(readSettings({ ...withoutDags, task }, program, here).dags).toBe('/state/stack/airflow/airflow/data/dags')
  })

  it('say how a task is started on a worker that is elsewhere', () => {
    const task = { command: ['/usr/local/bin/millrace'], project: '/app', state: '/var/lib/millrace' }
    expect(settings({ task }).program).toEqual({ ...task, target: 'full' })
  })

  it('need no secret where nobody asks Airflow, as in a task', () => {
    const { credentials } = settings({}, {})
    expect(credentials).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', place: 'airflow › auth.password' }))
  })

  it('take a password from a file, and a token', () => {
    const file = join(temporaryDirectory(), 'password')
    writeFileSync(file, 'from a file\n')
    const { credentials } = settings({ auth: { ...auth, password: { file } } })
    expect(credentials()).toEqual({ kind: 'password', user: 'airflow', password: 'from a file' })
    const token = settings({ auth: { kind: 'token', token: { env: 'PASSWORD' } } }).credentials()
    expect(token).toEqual({ kind: 'token', token: 'secret' })
  })

  it.each([
    ['airflow.example.com', 'is not the URL'],
    ['ftp://airflow', 'is not the URL'],
    ['http://airflow/?a=b', 'is not the URL'],
    ['http://me:secret@airflow', 'contains a user or password'],
  ])('refuse the URL %s', (url, message) => {
    const error = expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) })
    expect(() => settings({ url })).toThrow(error)
  })
})
