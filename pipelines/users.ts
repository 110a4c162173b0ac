import { concat, pipeline, randomUsers, t, table, topic } from 'millrace'

const user = t.record('User', {
  id: t.uuid(),
  first_name: t.text(),
  last_name: t.text(),
  gender: t.text(),
  address: t.text(),
  post_code: t.text(),
  email: t.text(),
  username: t.text(),
  dob: t.text(),
  registered_date: t.text(),
  phone: t.text(),
  picture: t.text(),
})

const usersCreated = topic('users_created', { key: 'id', value: user })
const createdUsers = table('spark_streams.created_users', { row: user, primaryKey: ['id'] })

export default pipeline('users')
  .ingest('user_automation', {
    schedule: '@daily',
    catchup: false,
    task: 'stream_data_from_api',
    duration: '60s',
    from: randomUsers(),
    select: ({ location: { street, city, state, country, postcode }, ...u }) => ({
      id: u.login.uuid,
      first_name: u.name.first,
      last_name: u.name.last,
      gender: u.gender,
      address: concat(street.number, ' ', street.name, ', ', city, ', ', state, ', ', country),
      post_code: postcode,
      email: u.email,
      username: u.login.username,
      dob: u.dob.date,
      registered_date: u.registered.date,
      phone: u.phone,
      picture: u.picture.medium,
    }),
    into: usersCreated,
  })
  .stream('spark_stream', { from: usersCreated, into: createdUsers })
