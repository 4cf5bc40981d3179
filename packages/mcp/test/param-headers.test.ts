import type { JsonObject } from '@tianjillm/core'
import { describe, expect, test } from 'vitest'
import { headerFault, headerMismatch } from '../src/param-headers.ts'

const schema: JsonObject = {
  type: 'object',
  properties: {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    count: { type: 'integer', 'x-mcp-header': 'Count' },
    place: { type: 'object', properties: { city: { type: 'string', 'x-mcp-header': 'City' } } },
    bad: { type: 'string', 'x-mcp-header': 'not a name' },
    free: { type: 'string' },
  },
}

const check = (given: JsonObject, headers: Record<string, string> = {}) =>
  headerMismatch(schema, given, new Headers(headers))

describe('headers that repeat arguments', () => {
  test.each<[string, JsonObject, Record<string, string>]>([
    ['say the same', { region: 'eu', free: 'x' }, { 'mcp-param-region': 'eu' }],
    ['are of an argument within another', { place: { city: 'Bern' } }, { 'mcp-param-city': 'Bern' }],
    ['are numbers, however written', { count: 42 }, { 'mcp-param-count': '42.0' }],
    ['are encoded', { region: 'Zürich' }, { 'mcp-param-region': '=?base64?WsO8cmljaA==?=' }],
    ['only begin like encoded ones', { region: '=?base64?SGVsbG8=' }, { 'mcp-param-region': '=?base64?SGVsbG8=' }],
    ['are not expected of what is not given', { region: null }, {}],
    ['are of no argument that could be one', { bad: 'x' }, {}],
  ])('fit when they %s', (_when, given, headers) => {
    expect(check(given, headers)).toBeUndefined()
  })

  test.each<[string, JsonObject, Record<string, string>, string]>([
    ['are missing', { region: 'eu' }, {}, 'The header Mcp-Param-Region is missing.'],
    [
      'say something else',
      { place: { city: 'Bern' } },
      { 'mcp-param-city': 'Rome' },
      'The header Mcp-Param-City is not what the argument place.city is.',
    ],
    ['are empty for a number', { count: 0 }, { 'mcp-param-count': '' }, 'The header Mcp-Param-Count is not'],
    ['are badly padded', { region: 'Hello' }, { 'mcp-param-region': '=?base64?SGVsbG8?=' }, 'cannot be decoded'],
    ['are no Base64', { region: 'Hello' }, { 'mcp-param-region': '=?base64?SGVs!!!bG8=?=' }, 'cannot be decoded'],
    ['are no text', { region: 'x' }, { 'mcp-param-region': '=?base64?/w==?=' }, 'cannot be decoded'],
  ])('do not fit when they %s', (_when, given, headers, why) => {
    expect(check(given, headers)).toContain(why)
  })
})

const asks = (...properties: JsonObject[]) =>
  headerFault({ type: 'object', properties: Object.fromEntries(properties.entries()) })

test('a tool that asks for its headers as it should is offered', () => {
  expect(asks({ type: 'string', 'x-mcp-header': 'A' }, { type: 'integer', 'x-mcp-header': 'B' })).toBeUndefined()
})

test.each<[string, readonly JsonObject[]]>([
  ['has no name', [{ type: 'string', 'x-mcp-header': '' }]],
  ['has a name that is none', [{ type: 'string', 'x-mcp-header': 'My Region' }]],
  ['has a name beyond ASCII', [{ type: 'string', 'x-mcp-header': 'Région' }]],
  ['is there twice', ['Region', 'REGION'].map((name) => ({ type: 'string', 'x-mcp-header': name }))],
  ['would be a number', [{ type: 'number', 'x-mcp-header': 'Region' }]],
  ['would be an object', [{ type: 'object', 'x-mcp-header': 'Region' }]],
])('a tool is not offered when a header that it asks for %s', (_what, properties) => {
  expect(asks(...properties)).toMatch(/^it wants/)
})
