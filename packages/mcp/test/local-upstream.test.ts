import { GatewayError, type JsonObject } from '@tianjillm/core'
import { expect, test } from 'vitest'
import { createLocalUpstream } from '../src/index.ts'

const inputSchema = {
  type: 'object',
  properties: { text: { type: 'string' }, times: { type: 'integer', maximum: 3 } },
  required: ['text'],
  additionalProperties: false,
}

async function call(given: unknown, schema: JsonObject = inputSchema): Promise<JsonObject> {
  const upstream = createLocalUpstream('own', [{ name: 'say', inputSchema: schema }], async (_, { text }) => ({
    content: [{ type: 'text', text }],
  }))
  const conversation = await upstream.open({ capabilities: {}, request: undefined, notify: undefined })
  return conversation.request('tools/call', { name: 'say', arguments: given })
}

test('arguments that fit reach the tool', async () => {
  expect(await call({ text: 'hello', times: 3 })).toEqual({ content: [{ type: 'text', text: 'hello' }] })
})

test.each<[unknown, string]>([
  [{}, "The arguments do not fit: arguments must have required property 'text'."],
  [undefined, "The arguments do not fit: arguments must have required property 'text'."],
  [{ text: 1 }, 'The arguments do not fit: arguments/text must be string.'],
  [{ text: 'data /', times: 4 }, 'The arguments do not fit: arguments/times must be <= 3.'],
  [{ txet: 'a' }, 'There is no argument "txet". Did you mean text?'],
])('others are a failed result that names the field: %j', async (given, text) => {
  expect(await call(given)).toMatchObject({
    isError: true,
    content: [{ type: 'text', text }],
    _meta: { type: 'invalid_request_error', status: 400, retryable: false },
  })
})

test('a schema that is none makes its own tool fail', async () => {
  const result = await call({ text: 'a' }, { type: 'object', properties: { text: { type: 'words' } } })
  expect(result).toMatchObject({
    isError: true,
    content: [{ text: 'The input schema of this tool is no JSON Schema.' }],
    _meta: { code: 'misconfigured' },
  })
})

test('who asks is who makes this request, whoever made the one before', async () => {
  const upstream = createLocalUpstream(
    'own',
    [{ name: 'who', inputSchema: { type: 'object' } }],
    async (_, __, { caller }) => {
      if (caller === undefined) throw new GatewayError('permission_denied', 'nobody')
      return { caller }
    },
  )
  const conversation = await upstream.open({ capabilities: {}, request: undefined, notify: undefined })
  const ask = (caller?: string) => conversation.request('tools/call', { name: 'who' }, { caller })
  expect([await ask('Ann'), await ask('Bob')]).toEqual([{ caller: 'Ann' }, { caller: 'Bob' }])
  expect(await ask()).toMatchObject({ isError: true })
})
