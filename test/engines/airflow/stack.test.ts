import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { engineNames } from '../../../src/stack/engine.ts'
import { awaitEnd, findStarted } from '../../../src/stack/process.ts'
import { readStack } from '../../../src/stack/record.ts'
import { stackReset, stackStatus } from '../../../src/stack/stack.ts'
import { call, type RunningAirflow, startAirflow } from './airflow.ts'

const patience = { timeout: 90_000, interval: 250 }

/** How long PostgreSQL is away. */
const outageMs = 5_000

async function health({ directory }: RunningAirflow): Promise<string> {
  const statuses = await stackStatus({ directory, env: process.env, signal: new AbortController().signal })
  return statuses.map(({ kind, health: each }) => `${kind} ${each}`).join(', ')
}

/** A DAG of one task, which writes a line and goes on for an hour. */
const endless = `from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator
with DAG('endless', schedule=None, catchup=False):
    BashOperator(task_id='task', bash_command='echo working; sleep 3600')
`

/** Runs a task that does not end by itself. */
async function runEndlessTask(airflow: RunningAirflow): Promise<void> {
  mkdirSync(airflow.connection.dagsFolder, { recursive: true })
  writeFileSync(join(airflow.connection.dagsFolder, 'endless.py'), endless)
  const unpause = { method: 'PATCH', body: '{"is_paused": false}' }
  await expect.poll(async () => (await call(airflow, 'airflow', '/dags/endless', unpause)).status, patience).toBe(200)
  const run = { method: 'POST', body: '{"logical_date": null}' }
  expect(await call(airflow, 'airflow', '/dags/endless/dagRuns', run)).toMatchObject({ status: 200 })
  await expect.poll(() => airflow.processes('scheduler').some(isSleep), patience).toBe(true)
}

function isSleep(pid: number): boolean {
  return commandLine(pid).startsWith('sleep\0')
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    // It has ended meanwhile.
    return ''
  }
}

describe('Airflow', () => {
  it('is healthy, lets in who knows the password, and starts again what dies', async () => {
    const airflow = await startAirflow()
    const { engine, directory, connection } = airflow
    expect(await health(airflow)).toBe('postgres healthy, airflow healthy')
    expect(readFileSync(connection.passwordFile, 'utf8')).toBe('airflow')
    expect(statSync(connection.passwordFile).mode & 0o777).toBe(0o600)
    expect(await call(airflow, 'airflow', '/dags')).toMatchObject({ status: 200, body: { total_entries: 0 } })
    expect(await call(airflow, 'guessed', '/dags')).toMatchObject({ status: 401 })
    const secrets = ['airflow', 'postgres'].flatMap(name =>
      readdirSync(join(directory, name, 'secrets'))
        .filter(file => file !== 'AIRFLOW_PASSWORD')
        .map(file => readFileSync(join(directory, name, 'secrets', file), 'utf8')),
    )
    expect(secrets).toHaveLength(4)
    const commands = [...airflow.processes(), ...Object.values(engine.pids)].map(commandLine)
    for (const secret of secrets) expect(commands.filter(command => command.includes(secret))).toEqual([])

    // A scheduler that is killed leaves its workers, one of which runs a task.
    await runEndlessTask(airflow)
    const before = airflow.processes('scheduler')
    const scheduler = airflow.leader('scheduler')
    process.kill(scheduler, 'SIGKILL')
    await expect.poll(() => airflow.log(), patience).toContain('scheduler ended with SIGKILL')
    await expect.poll(() => airflow.leader('scheduler'), patience).not.toBe(scheduler)
    for (const pid of before) expect(await awaitEnd(pid, 5_000)).toBe(true)
    await expect.poll(() => health(airflow), patience).toBe('postgres healthy, airflow healthy')

    // Without its database nothing goes on; with it everything does.
    const [api, killed] = [airflow.leader('api-server'), airflow.leader('scheduler')]
    engine.signal('SIGINT', 'postgres')
    await expect.poll(() => health(airflow), patience).toMatch(/^postgres dead, airflow unhealthy$/)
    await delay(outageMs)
    await engine.start()
    expect(await health(airflow)).toBe('postgres healthy, airflow healthy')
    expect(airflow.leader('api-server')).toBe(api)
    expect(airflow.leader('scheduler')).not.toBe(killed)
    expect(await call(airflow, 'airflow', '/dags/endless')).toMatchObject({ status: 200 })
  }, 400_000)

  it('is found after its supervisor was killed, stops with its tasks, and leaves nothing when it is deleted', async () => {
    const env = { ...process.env, AIRFLOW_PASSWORD: 'pass"word' }
    const airflow = await startAirflow({ env })
    const { engine, directory, connection } = airflow
    expect(await call(airflow, 'pass"word', '/dags')).toMatchObject({ status: 200 })
    expect(await call(airflow, 'airflow', '/dags')).toMatchObject({ status: 401 })

    const { token } = readStack(directory).engines.airflow!.services[0]!
    process.kill(engine.pids.airflow!, 'SIGKILL')
    await awaitEnd(engine.pids.airflow!, 10_000)
    const left = findStarted(token)
    expect(left.length).toBeGreaterThan(2)
    expect(await health(airflow)).toBe('postgres healthy, airflow dead')
    env.AIRFLOW_PASSWORD = "another 'one' $HOME é"
    await engine.start()
    expect(await call(airflow, env.AIRFLOW_PASSWORD, '/dags')).toMatchObject({ status: 200 })
    expect(await call(airflow, 'pass"word', '/dags')).toMatchObject({ status: 401 })
    expect(readFileSync(connection.passwordFile, 'utf8')).toBe(env.AIRFLOW_PASSWORD)
    expect(findStarted(token)).toEqual([])
    for (const pid of left) expect(await awaitEnd(pid, 0)).toBe(true)
    expect(await health(airflow)).toBe('postgres healthy, airflow healthy')

    const next = readStack(directory).engines.airflow!.services[0]!.token
    process.kill(engine.pids.airflow!, 'SIGKILL')
    const signal = new AbortController().signal
    await stackReset(engineNames, { directory, env: {}, signal })
    expect(findStarted(next)).toEqual([])
    expect(readdirSync(directory).toSorted()).toEqual(['.gitignore', 'lock.db', 'stack.json'])
  }, 400_000)

  it('stops within its time, tasks too', async () => {
    const airflow = await startAirflow()
    await runEndlessTask(airflow)
    const processes = airflow.processes()
    const begun = performance.now()
    await airflow.engine.stop()
    expect(performance.now() - begun).toBeLessThan(40_000)
    for (const pid of processes) expect(await awaitEnd(pid, 0)).toBe(true)
  }, 400_000)
})
