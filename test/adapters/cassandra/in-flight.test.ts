import { describe, expect, it } from 'vitest'
import { InFlight } from '../../../src/adapters/cassandra/in-flight.ts'

/** Requests that are answered when told to. */
function requests(inFlight: InFlight) {
  const open: PromiseWithResolvers<void>[] = []
  const overload = new Error('overloaded')
  return {
    overload,
    open,
    send(bytes = 1) {
      const answer = Promise.withResolvers<void>()
      const send = () => {
        open.push(answer)
        return answer.promise
      }
      return inFlight.run(bytes, send, error => error === overload)
    },
  }
}

const settled = () => new Promise(resolve => setImmediate(resolve))

describe('what is in flight', () => {
  it('is bounded in requests, and the next goes when one is answered', async () => {
    const { send, open } = requests(new InFlight({ requests: 4, bytes: 1000 }))
    const all = [send(), send(), send()]
    await settled()
    expect(open).toHaveLength(2)
    open[0]!.resolve()
    await settled()
    expect(open).toHaveLength(3)
    for (const each of open) each.resolve()
    await Promise.all(all)
  })

  it('is bounded in bytes, and a single larger request still goes', async () => {
    const { send, open } = requests(new InFlight({ requests: 16, bytes: 100 }))
    const all = [send(500), send(60), send(60)]
    await settled()
    expect(open).toHaveLength(1)
    open[0]!.resolve()
    await settled()
    expect(open).toHaveLength(2)
    open[1]!.resolve()
    await settled()
    expect(open).toHaveLength(3)
    open[2]!.resolve()
    await Promise.all(all)
  })

  it('is halved once by an overload, however many requests it hit', async () => {
    const { send, open, overload } = requests(new InFlight({ requests: 8, bytes: 1000 }))
    const first = [send(), send(), send(), send()].map(each => each.catch(error => error))
    await settled()
    for (const each of open.splice(0)) each.reject(overload)
    expect(await Promise.all(first)).toEqual([overload, overload, overload, overload])
    const second = [send(), send(), send()]
    await settled()
    expect(open).toHaveLength(2)
    for (const each of open) each.resolve()
    await settled()
    for (const each of open) each.resolve()
    await Promise.all(second)
  })

  it('makes room again after a failure that is no overload', async () => {
    const { send, open } = requests(new InFlight({ requests: 2, bytes: 1000 }))
    const failing = send().catch(error => error)
    await settled()
    open[0]!.reject(new Error('refused'))
    expect(await failing).toEqual(new Error('refused'))
    const next = send()
    await settled()
    open[1]!.resolve()
    await next
  })
})
