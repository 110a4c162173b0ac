import { pipeline, t, table, topic } from 'millrace'

const item = t.record('Item', { id: t.text() })
const copied = (name: string) => ({
  from: topic(name, { key: 'id', value: item, partitions: 2 }),
  into: table(`copies.${name}`, { row: item, primaryKey: ['id'] }),
})

/** Without an ingest stage: the tests append to its topics themselves. The second stage is one that needs this file. */
export default pipeline('copies')
  .stream('first', copied('first'))
  .stream('second', { ...copied('second'), map: each => each })
  .stream('broken', copied('broken'))
