import { coalesce, concat, files, gte, or, pipeline, t, table, topic, upper } from 'millrace'

const status = t.enum('OrderStatus', ['placed', 'paid', 'shipped', 'cancelled'])
const address = t.record('Address', { city: t.text(), country: t.text(), postcode: t.text({ acceptNumbers: true }) })

const order = t.record('Order', {
  number: t.long(),
  placed_at: t.timestamp(),
  status,
  customer: t.record('Customer', { email: t.text(), name: t.optional(t.text()), address: t.optional(address) }),
  total: t.decimal(12, 2),
  currency: t.optional(t.text()),
  express: t.boolean(),
  items: t.array(t.record('Item', { sku: t.text(), quantity: t.int(), price: t.decimal(10, 2) })),
})

const row = t.record('PriorityOrder', {
  number: t.long(),
  placed_at: t.timestamp(),
  status,
  customer: t.text(),
  destination: t.optional(t.text()),
  total: t.decimal(12, 2),
  currency: t.text(),
  express: t.boolean(),
})

const orders = topic('orders', { key: 'number', value: order, partitions: 2, retention: '30d' })
const priorityOrders = table('shop.priority_orders', { row, primaryKey: ['number'] })

export default pipeline('orders')
  .ingest('import_orders', {
    schedule: '@hourly',
    from: files({ path: 'pipelines/orders.ndjson', schema: order }),
    into: orders,
  })
  .stream('priority', {
    from: orders,
    where: o => or(o.express, gte(o.total, '100')),
    select: ({ customer, ...o }) => ({
      number: o.number,
      placed_at: o.placed_at,
      status: o.status,
      customer: coalesce(customer.name, customer.email),
      destination: concat(customer.address.postcode, ' ', upper(customer.address.city)),
      total: o.total,
      currency: coalesce(o.currency, 'EUR'),
      express: o.express,
    }),
    into: priorityOrders,
  })
