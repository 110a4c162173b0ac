import { describe, expect, it } from 'vitest'
import { readSettings } from '../../../src/adapters/airflow/settings.ts'
import type { AirflowConfig } from '../../../src/sdk/targets/airflow.ts'

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

  it('take a password as it is written only for an Airflow on this machine', () => {
    const written = { ...auth, password: 'airflow' }
    for (const url of ['http://127.0.0.1:8080', 'http://localhost:8080', 'http://[::1]:8080']) {
      expect(settings({ url, auth: written }).credentials()).toEqual({
        kind: 'password',
        user: 'airflow',
        password: 'airflow',
      })
    }
    expect(settings({ auth: written }).credentials).toThrow(
      expect.objectContaining({ place: 'airflow › auth.password' }),
    )
    expect(settings({ auth: { kind: 'token', token: { env: 'PASSWORD' } } }).credentials()).toEqual({
      ...{ kind: 'token', token: 'secret' },
    })
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
