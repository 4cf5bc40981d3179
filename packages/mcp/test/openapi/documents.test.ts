import { expect, test } from 'vitest'
import { parseDocument } from '../../src/openapi/document.ts'
import { writeRequest } from '../../src/openapi/write-request.ts'
import { openApi, readTool, readTools } from './documents.ts'

const schemaOf = async (...given: Parameters<typeof readTool>) => (await readTool(...given)).tool.inputSchema

test('an operation of Swagger 2.0 in YAML is a tool', async () => {
  const { tools } = await readTools(`
swagger: "2.0"
host: petstore.test
basePath: /api
schemes: [http, https]
consumes: [application/json]
paths:
  /pets/{petId}:
    parameters:
      - {name: petId, in: path, type: integer, format: int64, required: true, description: Which pet.}
    put:
      operationId: updatePet
      summary: Changes a pet.
      parameters:
        - {name: notify, in: query, type: array, items: {type: string}, collectionFormat: multi}
        - {name: pet, in: body, required: true, schema: {$ref: "#/definitions/Pet"}}
  /pets/{petId}/photo:
    post:
      consumes: [multipart/form-data]
      parameters:
        - {name: petId, in: path, type: integer, required: true}
        - {name: photo, in: formData, type: file, required: true}
        - {name: caption, in: formData, type: string}
definitions:
  Pet:
    type: object
    required: [name, id]
    properties:
      id: {type: integer, readOnly: true}
      name: {type: string}
      tag: {type: string, x-nullable: true}
`)
  expect(tools.map(({ tool }) => tool)).toEqual([
    {
      name: 'updatePet',
      description: 'Changes a pet.',
      inputSchema: {
        type: 'object',
        properties: {
          petId: { type: 'integer', format: 'int64', description: 'Which pet.' },
          notify: { type: 'array', items: { type: 'string' } },
          name: { type: 'string' },
          tag: { type: ['string', 'null'] },
        },
        required: ['petId', 'name'],
        additionalProperties: false,
      },
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
    },
    {
      name: 'post_pets_petId_photo',
      description: 'POST /pets/{petId}/photo',
      inputSchema: {
        type: 'object',
        properties: { petId: { type: 'integer' }, photo: { type: 'string' }, caption: { type: 'string' } },
        required: ['petId', 'photo'],
        additionalProperties: false,
      },
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
    },
  ])
  const { method, url, body } = writeRequest(tools[0]!, { petId: 7, notify: ['a', 'b'], name: 'Rex' })
  expect([method, url, body]).toEqual([
    'PUT',
    'https://petstore.test/api/pets/7?notify=a&notify=b',
    JSON.stringify({ name: 'Rex' }),
  ])
  const photo = writeRequest(tools[1]!, { petId: 7, photo: 'bytes', caption: 'Rex' }).body as FormData
  expect([photo.get('caption'), await (photo.get('photo') as File).text()]).toEqual(['Rex', 'bytes'])
})

test('words of OpenAPI 3.0 become those of JSON Schema', async () => {
  const properties = {
    age: { type: 'integer', minimum: 0, exclusiveMinimum: true, nullable: true, example: 7 },
    mood: { type: 'string', enum: ['good'], nullable: true },
    owner: { $ref: '#/components/schemas/Owner', nullable: true },
    friend: { nullable: true, allOf: [{ $ref: '#/components/schemas/Owner' }] },
    made: { type: 'string', format: 'date-time', readOnly: true },
    by: { $ref: '#/components/schemas/Author' },
    either: { oneOf: [{ type: 'string' }, { type: 'number' }], discriminator: { propertyName: 'x' } },
    'x-odd': { type: 'money', minimum: 'none', required: true, 'x-mcp-header': 'Odd' },
  }
  const schemas = {
    Owner: { type: 'object', properties: { name: { type: 'string' } } },
    Author: { type: 'string', readOnly: true },
  }
  const requestBody = {
    required: true,
    content: { 'application/json': { schema: { type: 'object', properties, required: ['age', 'made', 'by'] } } },
  }
  const owner = { type: 'object', properties: { name: { type: 'string' } } }
  expect(await schemaOf(openApi({ '/cats': { post: { requestBody } } }, schemas))).toEqual({
    type: 'object',
    properties: {
      age: { type: ['integer', 'null'], exclusiveMinimum: 0, examples: [7] },
      mood: { type: ['string', 'null'], enum: ['good', null] },
      owner: { anyOf: [owner, { type: 'null' }] },
      friend: { anyOf: [{ allOf: [owner] }, { type: 'null' }] },
      either: { anyOf: [{ type: 'string' }, { type: 'number' }] },
      'x-odd': {},
    },
    required: ['age'],
    additionalProperties: false,
  })
})

test('words of OpenAPI 3.1 stay', async () => {
  const schema = {
    type: 'object',
    properties: {
      size: { type: ['integer', 'null'], exclusiveMinimum: 3 },
      kind: { const: 'a' },
      pair: { type: 'array', prefixItems: [{ type: 'string' }, true] },
      said: { $ref: '#/components/schemas/Word', description: 'What was said.' },
      named: { type: 'object', patternProperties: { '^x-': { type: 'string' } }, additionalProperties: false },
    },
  }
  const document = {
    ...openApi({ '/a': { patch: { requestBody: { content: { 'application/json': { schema } } } } } }),
    openapi: '3.1.0',
    components: { schemas: { Word: { type: 'string', description: 'A word.' } } },
  }
  expect((await schemaOf(document)).properties).toEqual({
    size: { type: ['integer', 'null'], exclusiveMinimum: 3 },
    kind: { const: 'a' },
    pair: { type: 'array', prefixItems: [{ type: 'string' }, {}] },
    said: { type: 'string', description: 'What was said.' },
    named: { type: 'object', additionalProperties: true },
  })
})

test('names are such as models take, and none is there twice', async () => {
  const parameters = [
    { name: 'filter[name]', in: 'query', schema: { type: 'string' } },
    { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
    { name: 'id', in: 'query', schema: { type: 'integer' } },
    { name: '$top', in: 'query', schema: { type: 'integer' } },
  ]
  const { tools } = await readTools(
    openApi({
      '/a/{id}': { get: { operationId: 'things/list', parameters } },
      '/b': { get: { operationId: 'things list' }, delete: { operationId: '' } },
    }),
  )
  expect(tools.map(({ tool }) => tool.name)).toEqual(['things_list', 'things_list_2', 'delete_b'])
  const [first, , last] = tools
  expect(Object.keys(first!.tool.inputSchema.properties as object)).toEqual(['filter_name_', 'id', 'query_id', '_top'])
  expect(writeRequest(first!, { filter_name_: 'x', id: 'p', query_id: 3, _top: 1 }).url).toBe(
    'https://api.test/v1/a/p?filter%5Bname%5D=x&id=3&%24top=1',
  )
  expect(first!.tool.annotations).toEqual({ readOnlyHint: true, openWorldHint: true })
  expect(last!.tool.annotations).toMatchObject({ destructiveHint: true, idempotentHint: true })
})

const bodyOf = (schema: object, more: object = {}) => ({
  ...{ put: { requestBody: { required: true, content: { 'application/json': { schema } } } } },
  parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
  ...more,
})

test('a field of the body that is called like a parameter is under body', async () => {
  const schema = {
    type: 'object',
    properties: { id: { type: 'integer' }, name: { type: 'string' }, body: { type: 'string' } },
    required: ['id', 'name'],
  }
  const tool = await readTool(openApi({ '/a/{id}': bodyOf(schema) }))
  expect(tool.tool.inputSchema).toEqual({
    type: 'object',
    properties: {
      id: { type: 'string' },
      name: { type: 'string' },
      body: {
        type: 'object',
        properties: { id: { type: 'integer' }, body: { type: 'string' } },
        additionalProperties: false,
        required: ['id'],
      },
    },
    required: ['id', 'name', 'body'],
    additionalProperties: false,
  })
  const { url, body } = writeRequest(tool, { id: 'x', name: 'n', body: { id: 3, body: 'b' } })
  expect([url, JSON.parse(String(body))]).toEqual(['https://api.test/v1/a/x', { name: 'n', id: 3, body: 'b' }])
})

test('a body that is no object of known fields is one argument', async () => {
  const tool = await readTool(openApi({ '/a/{id}': bodyOf({ type: 'array', items: { type: 'integer' } }) }))
  expect(tool.tool.inputSchema).toMatchObject({
    properties: { body: { type: 'array', items: { type: 'integer' } } },
    required: ['id', 'body'],
  })
  expect(writeRequest(tool, { id: 'x', body: [1, 2] }).body).toBe('[1,2]')
})

test('the fields of all parts of a body are arguments, and what else it may have', async () => {
  const schemas = { Base: { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] } }
  const schema = {
    allOf: [{ $ref: '#/components/schemas/Base' }, { properties: { b: { type: 'integer' } } }],
    anyOf: [{ required: ['a'] }, { required: ['b'] }],
    additionalProperties: { type: 'string' },
  }
  const tool = await readTool(openApi({ '/a/{id}': bodyOf(schema) }, schemas))
  expect(tool.tool.inputSchema).toMatchObject({
    properties: { id: {}, a: { type: 'string' }, b: { type: 'integer' } },
    required: ['id', 'a'],
    additionalProperties: { type: 'string' },
  })
  expect(JSON.parse(String(writeRequest(tool, { id: '1', a: 'x', other: 'y' }).body))).toEqual({ a: 'x', other: 'y' })
})

test('cookies, credentials and what the operator sends are nobody else to set', async () => {
  const inHeader = (name: string) => ({ name, in: 'header', required: true, schema: { type: 'string' } })
  const parameters = [
    ...['Authorization', 'X-Api-Key', 'X-Tenant', 'Content-Type', 'X-Secret', 'X-Trace'].map(inHeader),
    { name: 'session', in: 'cookie', required: true, schema: { type: 'string' } },
    { name: 'token', in: 'query', schema: { type: 'string' } },
  ]
  const securitySchemes = {
    a: { type: 'apiKey', in: 'query', name: 'token' },
    b: { type: 'apiKey', in: 'header', name: 'x-secret' },
  }
  const document = openApi({ '/a': { get: { parameters } } }, {}, { components: { securitySchemes } })
  const { tools } = await readTools(document, ['x-tenant'])
  expect(tools[0]!.tool.inputSchema).toEqual({
    type: 'object',
    properties: { 'X-Trace': { type: 'string' } },
    required: ['X-Trace'],
    additionalProperties: false,
  })
})

test.each<[string, object, string]>([
  ['/a', { get: { servers: [{ url: 'https://uploads.test' }] } }, 'it is on another server'],
  ['/a', { get: { parameters: [{ $ref: 'other.yaml#/x' }] } }, 'a parameter of it is in another document'],
  [
    '/a/{b}',
    { get: { parameters: [{ name: 'b', in: 'path', style: 'matrix' }] } },
    'its path has a parameter of an unusual style',
  ],
  ['/a?b={c}', { get: {} }, 'its path is more than a path'],
])('%s with %j is left out, and the others are there', async (path, item, why) => {
  const { tools, leftOut } = await readTools(openApi({ [path]: item, '/good': { get: {} } }))
  expect(tools.map(({ tool }) => tool.name)).toEqual(['get_good'])
  expect(leftOut).toEqual([{ what: `GET ${path}`, why }])
})

test('of more than 2,000 operations the rest is left out', async () => {
  const paths = Object.fromEntries(Array.from({ length: 2_003 }, (_, index) => [`/a${index}`, { get: {} }]))
  const { tools, leftOut } = await readTools(openApi(paths))
  expect([tools.length, leftOut.length, leftOut[0]?.why]).toEqual([2_000, 3, 'there are too many'])
})

test('parameters and bodies are found through references, also those of a path and of other versions', async () => {
  const document = {
    ...openApi({ '/a': { $ref: '#/components/pathItems/a~1b%20c' } }),
    components: {
      pathItems: {
        'a/b c': {
          parameters: [{ $ref: '#/components/parameters/page' }],
          post: { requestBody: { $ref: '#/components/requestBodies/text' } },
        },
      },
      parameters: {
        page: { name: 'page', in: 'query', content: { 'application/json': { schema: { type: 'object' } } } },
      },
      requestBodies: { text: { required: true, content: { 'text/csv': { schema: { type: 'object' } } } } },
    },
  }
  const tool = await readTool(document)
  expect(tool.tool.inputSchema).toMatchObject({ properties: { page: { type: 'object' }, body: { type: 'string' } } })
  const { url, headers, body } = writeRequest(tool, { page: { at: 2 }, body: 'a,b' })
  expect([url, headers['content-type'], body]).toEqual([
    `https://api.test/v1/a?page=${encodeURIComponent('{"at":2}')}`,
    'text/csv',
    'a,b',
  ])
})

/** Each of these is fifty of the one before it. */
const bomb = `${'abcd'
  .split('')
  .map((name, index, all) => `${name}: &${name} [${`${index === 0 ? 'x' : `*${all[index - 1]}`},`.repeat(50)}]`)
  .join('\n')}`

test.each([
  ['a list', '[]', 'is no map'],
  ['another version', '{"openapi": "4.0.0"}', 'is neither of OpenAPI 3 nor of Swagger 2.0'],
  ['half a document', 'a: [', 'is neither JSON nor YAML'],
  ['endless depth', `a: ${'['.repeat(20_000)}`, 'is neither JSON nor YAML'],
  ['a text that unfolds to millions', bomb, 'is neither JSON nor YAML'],
  ['a map that is in itself', 'a: &a {b: *a}', 'is neither JSON nor YAML'],
])('%s is refused', async (_, text, why) => {
  await expect(parseDocument(text)).rejects.toThrow(why)
})
