import type { JsonObject } from '@tianjillm/core'
import { expect, test } from 'vitest'
import { argumentCheck } from '../../src/argument-check.ts'
import { checkable } from '../../src/openapi/keywords.ts'
import { openApi, readTool, readTools } from './documents.ts'

const withBody = (schema: JsonObject, schemas: JsonObject = {}) =>
  openApi({ '/a': { post: { requestBody: { content: { 'application/json': { schema } } } } } }, schemas)

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })

async function inputSchema(schema: JsonObject, schemas: JsonObject): Promise<JsonObject> {
  return (await readTool(withBody({ type: 'object', properties: { value: schema } }, schemas))).tool.inputSchema
}

const fits = (schema: JsonObject, value: unknown): boolean => {
  try {
    argumentCheck(checkable(schema))({ value })
    return true
  } catch {
    return false
  }
}

test('a schema that refers to itself is among the definitions, and judges at every depth', async () => {
  const Tree = {
    type: 'object',
    properties: { name: { $ref: '#/components/schemas/Name' }, children: { type: 'array', items: ref('Tree') } },
    required: ['name'],
  }
  const schema = await inputSchema(ref('Tree'), { Tree, Name: { type: 'string' } })
  expect(schema).toEqual({
    type: 'object',
    properties: { value: { $ref: '#/$defs/Tree' } },
    additionalProperties: false,
    $defs: {
      Tree: {
        type: 'object',
        properties: { name: { type: 'string' }, children: { type: 'array', items: { $ref: '#/$defs/Tree' } } },
        required: ['name'],
      },
    },
  })
  expect(fits(schema, { name: 'a', children: [{ name: 'b', children: [{ name: 'c' }] }] })).toBe(true)
  expect(fits(schema, { name: 'a', children: [{ name: 'b', children: [{}] }] })).toBe(false)
})

test.each<[string, JsonObject]>([
  ['itself', { A: ref('A') }],
  ['itself among others', { A: { allOf: [ref('A'), { type: 'object' }] } }],
  ['itself by way of another', { A: { anyOf: [ref('B')] }, B: { oneOf: [ref('A'), { type: 'object' }] } }],
  ['itself by way of one with a cycle of its own', { A: ref('B'), B: { anyOf: [ref('C')] }, C: ref('B') }],
])('what refers to %s and says no more can be judged', async (_, schemas) => {
  expect(fits(await inputSchema(ref('A'), schemas), {})).toBe(true)
})

test.each([['other.json#/A'], ['https://evil.test/a.json'], ['#/components/schemas/Gone'], ['#A'], ['#/info/title']])(
  'what %s refers to is left open',
  async (reference) => {
    const schema = await inputSchema({ $ref: reference, description: 'It.' }, {})
    expect(schema.properties).toEqual({ value: { description: 'It.' } })
  },
)

test('patterns and formats are told and not judged', async () => {
  const value = { type: 'string', pattern: '^(a+)+$', format: 'email' }
  const named = { type: 'object', properties: { pattern: { type: 'integer' }, format: { type: 'integer' } } }
  const schema = await inputSchema({ anyOf: [value, named] }, {})
  expect(schema.properties).toEqual({ value: { anyOf: [value, named] } })
  expect(fits(schema, `${'a'.repeat(50)}!`)).toBe(true)
  expect(fits(schema, { pattern: 'x' })).toBe(false)
})

/** As bushy as documents come: each schema refers to ten others, of which some refer back. */
function bush(size: number): JsonObject {
  const names = Array.from({ length: size }, (_, index) => `schema_${index}`)
  return Object.fromEntries(
    names.map((name, index) => {
      const fields = Array.from({ length: 10 }, (__, field) => [
        `field_${field}`,
        {
          anyOf: [{ type: 'string', maxLength: 5_000 }, ref(names[(index * 7 + field * 13 + 1) % size]!)],
          nullable: true,
        },
      ])
      return [name, { type: 'object', description: 'Words. '.repeat(20), properties: Object.fromEntries(fields) }]
    }),
  )
}

const sizes = (tools: readonly { readonly tool: object }[]) => tools.map(({ tool }) => JSON.stringify(tool).length)

test('of schemas that all refer to each other no tool has more than 256 KiB, and the nearest are told', async () => {
  const { tools } = await readTools(withBody(ref('schema_0'), bush(1_000)))
  expect(Math.max(...sizes(tools))).toBeLessThan(256 * 1024)
  const { properties, $defs } = tools[0]!.tool.inputSchema as { properties: JsonObject; $defs: JsonObject }
  expect(properties).toHaveProperty('field_0.anyOf.0.anyOf.1', { $ref: '#/$defs/schema_1' })
  expect(Object.keys($defs).length).toBeGreaterThan(10)
  expect(() => argumentCheck(checkable(tools[0]!.tool.inputSchema))({ field_0: { field_1: null } })).not.toThrow()
})

test('schemas that branch without end in sight are not written out', async () => {
  // Two of the next in each: 2^60 when all are put in their places.
  const ladder = Object.fromEntries(
    Array.from({ length: 60 }, (_, step) => [
      `step_${step}`,
      { type: 'object', properties: { left: ref(`step_${step + 1}`), right: ref(`step_${step + 1}`) } },
    ]),
  )
  const { tools } = await readTools(withBody(ref('step_0'), ladder))
  expect(sizes(tools)[0]).toBeLessThan(64 * 1024)
  expect(tools[0]!.tool.inputSchema).toHaveProperty('$defs.step_59')
})

test('a schema that is deeper than anybody looks is left open there', async () => {
  let schema: JsonObject = { type: 'string' }
  for (let depth = 0; depth < 500; depth++) schema = { type: 'array', items: schema }
  expect(JSON.stringify(await inputSchema(schema, {})).split('items').length).toBeLessThan(30)
})

test('all tools of a large document together stay small enough to be kept', async () => {
  const paths = Object.fromEntries(
    Array.from({ length: 500 }, (_, index) => [
      `/a${index}`,
      { post: { requestBody: { content: { 'application/json': { schema: ref(`schema_${index}`) } } } } },
    ]),
  )
  const { tools } = await readTools(openApi(paths, bush(500)))
  expect(tools).toHaveLength(500)
  expect(sizes(tools).reduce((sum, size) => sum + size, 0)).toBeLessThan(64 * 1024 * 1024)
})
