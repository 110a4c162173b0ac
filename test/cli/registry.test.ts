import { describe, expect, it } from 'vitest'
import { ordersProject } from './support.ts'

describe('registry', () => {
  it('serves the schemas of the state directory until Ctrl-C', async () => {
    const project = ordersProject()
    await project.run('apply')
    const registry = project.start('registry', '--port', '0')
    const url = await registry.line(/^http:/)
    expect(await (await fetch(`${url}/subjects`)).json()).toEqual(['orders-value'])
    const { schema } = (await (await fetch(`${url}/subjects/orders-value/versions/latest`)).json()) as {
      schema: string
    }
    expect(JSON.parse(schema)).toMatchObject({ type: 'record', name: 'Order' })
    const { code, stdout, stderr } = await registry.interrupt('SIGINT')
    expect({ code, stdout }).toEqual({ code: 130, stdout: `${url}\n` })
    expect(stderr).toContain(`curl ${url}/subjects`)
  })

  it('says when the port is taken', async () => {
    const project = ordersProject()
    const first = project.start('registry', '--port', '0', '--json')
    const { url } = JSON.parse(await first.line(/^\{/)) as { url: string }
    const { code, stderr } = await project.run('registry', '--port', new URL(url).port)
    expect(code).toBe(2)
    expect(stderr).toContain(`✗ Port ${new URL(url).port} is taken.`)
  })
})
