import { describe, expect, it } from 'vitest'
import { addressOf, parseRemote } from '../../../../src/adapters/spark/connect/endpoint.ts'

const local = { host: '127.0.0.1', port: 15_002, tls: false, token: null, userId: 'millrace', headers: {} }

describe('a remote', () => {
  it.each([
    ['sc://127.0.0.1', local],
    ['sc://127.0.0.1:15003/', { ...local, port: 15_003 }],
    ['sc://[::1]:15002/;token=abc', { ...local, host: '::1', token: 'abc' }],
    ['sc://localhost/;token=a%3Db;user_id=Zo%C3%AB', { ...local, host: 'localhost', token: 'a=b', userId: 'Zoë' }],
    [
      'sc://spark.example:443/;use_ssl=TRUE;token=abc;x-cluster-id=7',
      { ...local, host: 'spark.example', port: 443, tls: true, token: 'abc', headers: { 'x-cluster-id': '7' } },
    ],
  ])('%s is read', (remote, endpoint) => {
    expect(parseRemote(remote)).toEqual(endpoint)
  })

  it('gives way to a token that is given beside it', () => {
    expect(parseRemote('sc://127.0.0.1/;token=old', 'new').token).toBe('new')
  })

  it.each([
    ['http://127.0.0.1:15002', 'is not sc://host:port'],
    ['sc://', 'is not sc://host:port'],
    ['sc://host:0', 'is not sc://host:port'],
    ['sc://host:65536', 'is not sc://host:port'],
    ['sc://host:port', 'is not sc://host:port'],
    ['sc://user@host', 'is not sc://host:port'],
    ['sc://host/;token', 'has a parameter that is not name=value'],
    ['sc://host/;session_id=7', 'has a parameter other than'],
    ['sc://host/;use_ssl=yes', 'has a use_ssl that is not true or false'],
    ['sc://host/;use_ssl=true;token=%', 'has a % that'],
    ['sc://host/;use_ssl=true;token=a%0Ab', 'has a token with characters that no header can hold'],
    ['sc://spark.example/;token=abc', 'has a token and no use_ssl=true'],
    ['sc://127.0.0.1.example/;token=abc', 'has a token and no use_ssl=true'],
  ])('%s is refused', (remote, message) => {
    const parse = () => parseRemote(remote)
    expect(parse).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) }),
    )
  })

  it('is never repeated in an error, since it may hold a token', () => {
    for (const remote of ['sc://h/;token=s3cret', 'sc://h:x/;token=s3cret', 'sc://h/;token=s3cret;a=b']) {
      expect(() => parseRemote(remote)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('s3cret') }),
      )
    }
  })

  it('has an address that gRPC reads, also with IPv6', () => {
    expect(addressOf({ host: '::1', port: 1 })).toBe('[::1]:1')
    expect(addressOf({ host: 'localhost', port: 1 })).toBe('localhost:1')
  })
})
