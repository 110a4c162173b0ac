import { describe, expect, it } from 'vitest'
import { ordersProject } from './support.ts'

describe('simulate', () => {
  it('serves users until Ctrl-C, and says how to use it', async () => {
    const simulate = ordersProject().start('simulate', '--port', '0', '--seed', 'mine')
    const url = await simulate.line(/^http:/)
    const { results, info } = (await (await fetch(`${url}?results=2`)).json()) as { results: unknown[]; info: unknown }
    expect(results).toHaveLength(2)
    expect(info).toMatchObject({ seed: 'mine' })
    const { code, stdout, stderr } = await simulate.interrupt('SIGINT')
    expect({ code, stdout }).toEqual({ code: 130, stdout: `${url}\n` })
    expect(stderr).toContain(`curl '${url}?results=2`)
    expect(stderr).toContain(`RANDOM_USER_URL=${url} millrace dev`)
  })

  it('fails as often as it is told to', async () => {
    const simulate = ordersProject().start('simulate', '--port', '0', '--fault', '429=2', '500=3', '--json')
    const { url } = JSON.parse(await simulate.line(/^\{/)) as { url: string }
    const statuses: number[] = []
    for (let i = 0; i < 4; i++) statuses.push((await fetch(url)).status)
    expect(statuses).toEqual([200, 429, 500, 429])
  })

  it.each([
    [['--fault', 'fire=3'], 'There are: 429, 500, error'],
    [['--port', '70000'], 'Give a whole number from 0 to 65535.'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await ordersProject().run('simulate', ...args)
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })

  it('says when the port is taken', async () => {
    const project = ordersProject()
    const url = new URL(await project.start('simulate', '--port', '0').line(/^http:/))
    const { code, stderr } = await project.run('simulate', '--port', url.port)
    expect(code).toBe(2)
    expect(stderr).toContain(`✗ Port ${url.port} is taken.`)
  })
})
