import { isJsonObject } from '@tianjillm/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { argumentCheck } from '../../src/argument-check.ts'
import { checkable } from '../../src/openapi/keywords.ts'
import { writeRequest } from '../../src/openapi/write-request.ts'
import { openApi, readTools } from './documents.ts'

const schemas = {
  Pet: {
    type: 'object',
    properties: {
      id: { type: 'integer', readOnly: true },
      name: { type: 'string', nullable: true },
      kin: { $ref: '#/components/schemas/Pet' },
    },
    required: ['id', 'name'],
    additionalProperties: { oneOf: [{ type: 'string' }, { $ref: '#/components/schemas/Pet' }] },
  },
}
const parameters = [
  { name: 'id', in: 'path', required: true, schema: { type: 'string', enum: ['a'] } },
  {
    name: 'q',
    in: 'query',
    style: 'deepObject',
    explode: true,
    schema: { type: 'array', items: { type: 'integer', minimum: 1 } },
  },
]
const body = (type: string, schema: object) => ({
  requestBody: { required: true, content: { [type]: { schema, encoding: { kin: { style: 'form' } } } } },
})
const ofThree = openApi(
  {
    '/a/{id}': {
      parameters,
      post: { operationId: 'x', ...body('application/json', { $ref: '#/components/schemas/Pet' }) },
    },
    '/b': {
      put: body('multipart/form-data', {
        allOf: [{ $ref: '#/components/schemas/Pet' }],
        anyOf: [{ required: ['name'] }],
      }),
    },
  },
  schemas,
)
const ofTwo = {
  ...{
    swagger: '2.0',
    host: 'api.test',
    definitions: schemas,
    securityDefinitions: { k: { type: 'apiKey', in: 'query', name: 'k' } },
  },
  paths: {
    '/c/{id}': {
      post: {
        consumes: ['application/json'],
        parameters: [
          { name: 'id', in: 'path', type: 'array', items: { type: 'string' }, collectionFormat: 'csv' },
          { name: 'b', in: 'body', schema: { $ref: '#/definitions/Pet' } },
          { name: 'f', in: 'formData', type: 'file' },
        ],
      },
    },
  },
}

/** What somebody may have written by mistake, or with intent. */
const odd = fc.oneof(
  fc.constantFrom(
    null,
    true,
    0,
    -1,
    '',
    'string',
    '__proto__',
    [],
    {},
    [null],
    { $ref: '#' },
    { $ref: '#/paths' },
    { $ref: '#/components/schemas/Pet' },
    { type: 'object', properties: 'x' },
    { allOf: [{ $ref: '#' }] },
    { constructor: {} },
  ),
  fc.jsonValue({ maxDepth: 2 }),
)

/** The document with the value at one place, found by a walk of these steps, replaced. */
function replaced(value: unknown, steps: readonly number[], by: unknown): unknown {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : []
  const [step, ...rest] = steps
  if (step === undefined || entries.length === 0) return by
  const [key] = entries[step % entries.length]!
  const changed = entries.map(([name, item]) => [name, name === key ? replaced(item, rest, by) : item] as const)
  return Array.isArray(value) ? changed.map(([, item]) => item) : Object.fromEntries(changed)
}

const change = fc.tuple(fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 12 }), odd)

test('whatever is wrong in a document, it is read or refused, and its tools can be judged and called', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(ofThree, ofTwo),
      fc.array(change, { minLength: 1, maxLength: 3 }),
      fc.dictionary(fc.constantFrom('id', 'q', 'name', 'kin', 'body', 'f'), odd),
      async (base, changes, given) => {
        const document = changes.reduce<unknown>((value, [steps, by]) => replaced(value, steps, by), base)
        const found = await readTools(isJsonObject(document) ? document : JSON.stringify(document)).catch(
          (error: Error) => error,
        )
        if (found instanceof Error) {
          expect(found.name).toBe('DocumentFault')
          return
        }
        for (const tool of found.tools) {
          expect(tool.tool).toMatchObject({
            name: expect.stringMatching(/^[\w-]{1,64}$/),
            inputSchema: { type: 'object' },
          })
          try {
            argumentCheck(checkable(tool.tool.inputSchema))(given)
            expect(URL.canParse(writeRequest(tool, given).url)).toBe(true)
          } catch (error) {
            expect(error).toMatchObject({ kind: 'invalid_request' })
          }
        }
      },
    ),
    { numRuns: 500 },
  )
})
