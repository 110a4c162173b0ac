import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { appendBytes, type Project, placedOrders } from './support.ts'

const cleanups: (() => void)[] = []
/** Shared by the tests that only read. */
let project: Project

beforeAll(async () => {
  project = await placedOrders(cleanup => cleanups.push(cleanup))
})
afterAll(() => {
  for (const cleanup of cleanups) cleanup()
})

describe('sql', () => {
  it('prints an aligned table, the rows apart from what is said about them', async () => {
    const { code, stdout, stderr } = await project.run(
      'sql',
      'SELECT id, customer, total, note FROM shop.placed ORDER BY id',
    )
    expect(code).toBe(0)
    expect(stdout).toBe(
      [
        'id  customer  total   note',
        '──  ────────  ──────  ────',
        ' 1  Álvaro    12.50   NULL',
        ' 2  李        7.00    gift',
        ' 3  "NULL"    100.00  NULL',
        '',
      ].join('\n'),
    )
    expect(stderr).toMatch(/^3 rows in \d+ ms\n$/)
  })

  it('prints JSON and CSV with every value as it is', async () => {
    const statement = `SELECT id, customer, note, '' AS empty, 'a "b", c' AS quoted FROM shop.placed ORDER BY id LIMIT 2`
    expect(await project.json('sql', statement)).toEqual({
      columns: ['id', 'customer', 'note', 'empty', 'quoted'],
      rows: [
        [1, 'Álvaro', null, '', 'a "b", c'],
        [2, '李', 'gift', '', 'a "b", c'],
      ],
      truncated: false,
      ms: expect.any(Number),
    })
    const { stdout } = await project.run('sql', statement, '--csv')
    expect(stdout).toBe('id,customer,note,empty,quoted\n1,Álvaro,,"","a ""b"", c"\n2,李,gift,"","a ""b"", c"\n')
  })

  it('says when there are more rows than it prints', async () => {
    const { stdout, stderr } = await project.run('sql', 'SELECT id FROM shop.placed', '--limit', '2')
    expect(stdout.split('\n')).toHaveLength(5)
    expect(stderr).toMatch(/^2 rows in \d+ ms; there are more: add --limit 20\n$/)
  })

  it.each(['SELEC 1', 'DELETE FROM shop.placed', 'SELECT * FROM nowhere'])('refuses %j', async statement => {
    const { code, stdout, stderr } = await project.run('sql', statement)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('code   QUERY_INVALID')
  })

  it('cannot be made to control the terminal by data', async () => {
    const { stdout } = await project.run('sql', "SELECT char(27) || '[2J' AS x")
    expect(stdout).toContain('\\u001b[2J')
    expect(stdout).not.toContain('\u001b')
  })
})

describe('tail', () => {
  const parse = (stdout: string) =>
    stdout
      .trimEnd()
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line))

  it('prints records decoded, with partition, offset, time and key', async () => {
    const { code, stdout } = await project.run('tail', 'orders', '--from', 'start', '--no-follow')
    expect(code).toBe(0)
    const lines = parse(stdout)
    expect(lines).toHaveLength(4)
    expect(lines.find(line => line.key === '1')).toEqual({
      partition: expect.any(Number),
      offset: expect.any(Number),
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      key: '1',
      value: { id: 1, customer: 'Álvaro', total: '12.50', note: null },
    })
  })

  it('ends after --limit, at the end with --no-follow, and reads only the partition asked for', async () => {
    expect(parse((await project.run('tail', 'orders', '--limit', '2')).stdout)).toHaveLength(2)
    expect(parse((await project.run('tail', 'orders', '--from', 'end', '--no-follow')).stdout)).toEqual([])
    expect(parse((await project.run('tail', 'orders', '--from', '2099-01-01', '--no-follow')).stdout)).toEqual([])
    const one = parse((await project.run('tail', 'orders', '--partition', '1', '--from', '0', '--no-follow')).stdout)
    expect(new Set(one.map(line => line.partition))).toEqual(new Set([1]))
  })

  it('follows what arrives until Ctrl-C', async () => {
    const own = await placedOrders()
    const tail = own.start('tail', 'orders', '--from', '2000-01-01')
    await tail.line(/Álvaro/)
    await own.run('run', 'orders/import_orders', '--logical-date', '2026-01-01')
    const all = /"partition":(\d),"offset":([2-9])/
    await tail.line(all)
    expect((await tail.interrupt('SIGINT')).code).toBe(130)
  })

  it('shows dead letters with their reasons and bytes', async () => {
    const { stdout } = await project.run('tail', 'orders.dlq', '--from', 'start', '--no-follow')
    const lines = parse(stdout)
    expect(lines).toHaveLength(2)
    expect(lines[0].deadLetter).toMatchObject({ stage: 'orders/import_orders', code: 'RECORD_INVALID' })
    expect(Buffer.from(lines[0].bytes, 'base64').toString()).toBe('{"id":"four","customer":"x","total":"1.00"}')
  })

  it('shows a record that cannot be decoded as what it is, and goes on', async () => {
    const own = await placedOrders()
    await appendBytes(own, 'orders', 'odd', 'not Avro')
    const { code, stdout } = await own.run('tail', 'orders', '--no-follow')
    expect(code).toBe(0)
    expect(parse(stdout)).toHaveLength(5)
    expect(parse(stdout).find(line => line.key === 'odd')).toMatchObject({
      undecodable: 'The record starts with the byte 110; one with a schema id starts with 0.',
      bytes: Buffer.from('not Avro').toString('base64'),
    })
  })

  it('ends quietly when the reader of its pipe has enough', async () => {
    const own = await placedOrders()
    const tail = own.start('tail', 'orders', '--from', 'start')
    await tail.line(/Álvaro/)
    tail.child.stdout!.destroy()
    await own.run('run', 'orders/import_orders', '--logical-date', '2026-01-01')
    expect(await tail.finished).toMatchObject({ code: 141, stderr: '' })
  })

  it('names the topics and partitions there are', async () => {
    const topic = await project.run('tail', 'order')
    expect(topic.code).toBe(2)
    expect(topic.stderr).toContain('Use one of: orders, orders.dlq.')
    const partition = await project.run('tail', 'orders', '--partition', '2')
    expect(partition.code).toBe(2)
    expect(partition.stderr).toContain('Its partitions are 0 to 1.')
  })
})
