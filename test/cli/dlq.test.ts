import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { appendBytes, ordersPipeline, ordersProject, type Project, placedOrders } from './support.ts'

interface Listed {
  readonly deadLetters: readonly { readonly id: string; readonly key: string; readonly stage: string }[]
  readonly open: number
  readonly replayed: number
}

async function list(project: Project, ...args: readonly string[]): Promise<Listed> {
  return (await project.json('dlq', 'list', ...args)) as Listed
}

/** Makes the pipeline take the order whose id is a word. */
function acceptAnyId(project: Project): void {
  const corrected = ordersPipeline.replace(
    "from: files({ path: 'orders.ndjson', schema: order })",
    `from: files({ path: 'orders.ndjson', schema: t.record('Raw', { id: t.text(), customer: t.text(), total: t.decimal(10, 2) }) }),
    map: raw => ({ ...raw, id: raw.id === 'four' ? 4 : Number(raw.id), note: null })`,
  )
  writeFileSync(join(project.directory, 'pipelines/orders.ts'), corrected)
}

describe('dlq', () => {
  it('lists what failed and why, and shows one with its bytes', async () => {
    const project = await placedOrders()
    const { stdout, stderr } = await project.run('dlq', 'list')
    expect(stdout).toMatch(
      /^[0-9a-f]{12} {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}orders\/import_orders {2}RECORD_INVALID /m,
    )
    expect(stderr).toMatch(/^2 dead letters\nNext: millrace dlq show/)
    const { deadLetters, open, replayed } = await list(project, 'orders')
    expect({ open, replayed }).toEqual({ open: 2, replayed: 0 })
    const shown = await project.run('dlq', 'show', deadLetters[1]!.id.slice(0, 6))
    expect(shown.stdout).toMatch(/^id {6}[0-9a-f]{12}\nstage {3}orders\/import_orders\n/)
    expect(shown.stdout).toMatch(/^reason {2}.*id: expected a whole number of 32 bits/m)
    expect(shown.stdout).toContain('{"id":"four","customer":"x","total":"1.00"}')
  })

  it('leaves a letter that would fail again where it is, with the reason and exit code 2', async () => {
    const project = await placedOrders()
    const { code, stdout, stderr } = await project.run('dlq', 'replay', '--all')
    expect(code).toBe(2)
    expect(stdout.match(/✗ [0-9a-f]{12} {2}still fails: RECORD_INVALID/g)).toHaveLength(2)
    expect(stderr).toBe('0 dead letters replayed, 2 still failing\n')
    expect((await list(project)).open).toBe(2)
  })

  it('replays what the corrected stage can process, and twice changes nothing (G5)', async () => {
    const project = await placedOrders()
    const letter = (await list(project)).deadLetters.find(({ key }) => key.endsWith('|4'))!
    acceptAnyId(project)
    const first = await project.run('dlq', 'replay', letter.id)
    expect(first).toMatchObject({ code: 0, stdout: `✓ ${letter.id}  in orders again\n` })
    const second = await project.run('dlq', 'replay', letter.id)
    expect(second).toMatchObject({ code: 0, stdout: `= ${letter.id}  replayed before\n` })
    await project.run('run', 'orders/place', '--until-caught-up')
    expect(await project.json('sql', 'SELECT id, customer FROM shop.placed WHERE id = 4')).toMatchObject({
      rows: [[4, 'x']],
    })
    expect(await list(project)).toMatchObject({ open: 1, replayed: 1 })
    const shown = await project.run('dlq', 'show', letter.id)
    expect(shown.stderr).toContain(`The dead letter ${letter.id} was replayed`)
  })

  it('keeps to one stage with --all --stage', async () => {
    const project = await placedOrders()
    await appendBytes(project, 'orders', 'odd', 'not Avro')
    await project.run('run', 'orders/place', '--until-caught-up')
    const { code, stdout } = await project.run('dlq', 'replay', '--all', '--stage', 'orders/place', '--json')
    expect(code).toBe(2)
    const outcomes = stdout.trimEnd().split('\n')
    expect(outcomes).toHaveLength(1)
    expect(JSON.parse(outcomes[0]!)).toMatchObject({
      kind: 'failing',
      key: expect.stringMatching(/^orders\/place\|orders\|/),
      error: { code: 'RECORD_UNDECODABLE' },
    })
  })

  it('prints its help if it is not told what to do', async () => {
    const { code, stdout, stderr } = await ordersProject().run('dlq')
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('millrace dlq replay --all')
    expect(stderr).not.toContain('✗')
  })

  it.each([
    [['replay'], 'Give their ids, or --all'],
    [['replay', 'abcd', '--all'], 'Give their ids, or --all'],
    [['replay', 'abcdef'], 'See `millrace dlq list`'],
    [['show', 'abcdef'], 'See `millrace dlq list`'],
    [['list', 'nowhere'], 'Use one of: orders.dlq.'],
  ])('refuses %j', async (args, fix) => {
    const project = await placedOrders()
    const { code, stderr } = await project.run('dlq', ...args)
    expect(code).toBe(2)
    expect(stderr).toContain(fix)
  })
})
