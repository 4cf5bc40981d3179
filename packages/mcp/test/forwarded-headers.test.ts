import { fakeServer } from '@tianjillm/testing-mcp'
import { expect, test } from 'vitest'
import { forwardedHeaders } from '../src/forwarded-headers.ts'

const upstream = fakeServer('GitHub', {})
const forwarded = (headers: Record<string, string>, listed: readonly string[] = []) =>
  forwardedHeaders({ upstream, prefix: 'gh', forwardedHeaders: listed }, new Headers(headers))

test('nothing is passed on that nobody meant for the server', () => {
  expect(forwarded({ authorization: 'Bearer sk', cookie: 'a=b', 'x-tenant': '7', 'x-mcp-other-token': 't' })).toEqual(
    {},
  )
})

test('listed headers, and those that name the server or its alias, are passed on', () => {
  const headers = { 'x-tenant': '7', 'X-MCP-GitHub-Authorization': 'Bearer theirs', 'x-mcp-gh-team': 'a' }
  expect(forwarded(headers, ['x-tenant', 'x-absent'])).toEqual({
    'x-tenant': '7',
    authorization: 'Bearer theirs',
    team: 'a',
  })
})

test("the gateway's own key is never passed on, even when it is listed", () => {
  const listed = ['authorization', 'x-api-key', 'x-litellm-api-key', 'api-key']
  const keys = { authorization: 'Bearer sk', 'x-api-key': 'sk', 'api-key': 'sk' }
  expect(forwarded(keys, listed)).toEqual({})
  expect(forwarded({ ...keys, 'x-litellm-api-key': '' }, listed)).toEqual({})
  expect(forwarded({ ...keys, 'x-litellm-api-key': 'sk', authorization: 'Bearer theirs' }, listed)).toEqual({
    authorization: 'Bearer theirs',
  })
})
