import type { JsonObject } from '@tianjillm/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ApiTool } from '../../src/openapi/tools.ts'
import { writeRequest } from '../../src/openapi/write-request.ts'
import { openApi, readTool } from './documents.ts'

/** Any text, with what has a meaning in URLs more often than by chance. */
const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...'/?#&=+%;,.[]{}\\ "\'<>:@|\n\t\0é€😀'),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
  ),
})
/** Steps of dots are refused, which is tested by itself. */
const inPath = text.filter((value) => value !== '' && !/\.|%2e/i.test(value))
const scalar = fc.oneof(text, fc.integer(), fc.boolean())
const key = fc.stringMatching(/^[a-z]{1,8}$/)

const schema = {}
const query = (more: object) =>
  readTool(openApi({ '/a': { get: { parameters: [{ name: 'q', in: 'query', schema, ...more }] } } }))
const posted = (content: object) => readTool(openApi({ '/a': { post: { requestBody: { required: true, content } } } }))
const searchOf = (tool: ApiTool, given: JsonObject) => new URL(writeRequest(tool, given).url).searchParams
const rawSearch = (tool: ApiTool, given: JsonObject) => new URL(writeRequest(tool, given).url).search.slice(1)

describe('what is given is what arrives', () => {
  test('in a path, which stays the path of the operation', async () => {
    const parameters = ['a', 'b'].map((name) => ({ name, in: 'path', required: true, schema }))
    const tool = await readTool(openApi({ '/x/{a}/y-{b}/z': { get: { parameters } } }))
    fc.assert(
      fc.property(inPath, inPath, (a, b) => {
        const { pathname, host, search, hash } = new URL(writeRequest(tool, { a, b }).url)
        const [, version, x, first, second, z, ...rest] = pathname.split('/')
        expect([host, version, x, z, rest, search, hash]).toEqual(['api.test', 'v1', 'x', 'z', [], '', ''])
        expect([first, second].map((step) => decodeURIComponent(step!))).toEqual([a, `y-${b}`])
      }),
    )
  })

  test('in a query, each item by itself', async () => {
    const tool = await query({})
    fc.assert(
      fc.property(fc.array(scalar, { minLength: 1 }), (items) => {
        expect(searchOf(tool, { q: items }).getAll('q')).toEqual(items.map(String))
      }),
    )
    fc.assert(
      fc.property(scalar, (value) => {
        expect([...searchOf(tool, { q: value })]).toEqual([['q', String(value)]])
      }),
    )
  })

  test.each([
    ['form', ','],
    ['spaceDelimited', '%20'],
    ['pipeDelimited', '%7C'],
  ])('in a query, all items in one (%s)', async (style, separator) => {
    const tool = await query({ style, explode: false })
    fc.assert(
      fc.property(
        fc.array(
          text.filter((item) => !/[ |]/.test(item)),
          { minLength: 1 },
        ),
        (items) => {
          const [name, value] = rawSearch(tool, { q: items }).split('=', 2)
          expect([name, value!.split(separator).map(decodeURIComponent)]).toEqual(['q', items])
        },
      ),
    )
  })

  test('in a query, an object by its fields', async () => {
    const tool = await query({})
    fc.assert(
      fc.property(fc.dictionary(key, scalar), (value) => {
        const texts = Object.entries(value).map(([name, item]) => [name, String(item)])
        expect([...searchOf(tool, { q: value })]).toEqual(texts)
      }),
    )
  })

  test('in a query, deep objects and lists by the way to each value', async () => {
    const tool = await query({ style: 'deepObject' })
    const leaf = text.map((value) => `v${value}`)
    const { tree } = fc.letrec<{ tree: object; node: unknown }>((tie) => ({
      node: fc.oneof({ maxDepth: 3 }, leaf, tie('tree')),
      tree: fc.oneof(fc.dictionary(key, tie('node'), { minKeys: 1 }), fc.array(tie('node'), { minLength: 1 })),
    }))
    fc.assert(
      fc.property(tree, (value) => {
        const found = { q: Array.isArray(value) ? [] : {} } as Record<string, unknown>
        for (const [name, item] of searchOf(tool, { q: value }))
          putAt(found, name.split(/[[\]]+/).filter(Boolean), item)
        expect(found.q).toEqual(structuredClone(JSON.parse(JSON.stringify(value))))
      }),
    )
  })

  test('in a header', async () => {
    const parameters = [{ name: 'X-Word', in: 'header', schema }]
    const tool = await readTool(openApi({ '/a': { get: { parameters } } }))
    const character = fc.integer({ min: 0x20, max: 0xff }).filter((code) => code < 0x7f || code > 0x9f)
    const latin = fc.string({ unit: character.map((code) => String.fromCharCode(code)) })
    fc.assert(
      fc.property(latin, (value) => {
        const word = value.replaceAll(/^ +| +$/g, '')
        expect(new Headers(writeRequest(tool, { 'X-Word': word }).headers).get('x-word')).toBe(word)
      }),
    )
  })

  test('in a body of JSON', async () => {
    const tool = await posted({
      'application/json': { schema: { type: 'object', properties: { a: {} }, additionalProperties: true } },
    })
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        expect(JSON.parse(String(writeRequest(tool, value).body))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  test('in a form', async () => {
    const tool = await posted({
      'application/x-www-form-urlencoded': {
        schema: { type: 'object', properties: { a: {} }, additionalProperties: true },
      },
    })
    fc.assert(
      fc.property(fc.dictionary(text, scalar), (value) => {
        const sent = new URLSearchParams(String(writeRequest(tool, value).body))
        expect([...sent]).toEqual(Object.entries(value).map(([name, item]) => [name, String(item)]))
      }),
    )
  })

  test('in the parts of a form, of which files keep their lines', async () => {
    const properties = { file: { type: 'string', format: 'binary' }, word: {} }
    const tool = await posted({ 'multipart/form-data': { schema: { type: 'object', properties } } })
    const line = text.map((value) => value.replaceAll('\n', ''))
    await fc.assert(
      fc.asyncProperty(text, line, async (file, word) => {
        const form = await new Response(writeRequest(tool, { file, word }).body as FormData).formData()
        expect([await (form.get('file') as File).text(), form.get('word')]).toEqual([file, word])
      }),
      { numRuns: 50 },
    )
  })
})

function putAt(target: Record<string, unknown>, path: readonly string[], value: string): void {
  let place = target
  path.forEach((step, index) => {
    const next = path[index + 1]
    place[step] ??= next === undefined ? value : /^\d+$/.test(next) ? [] : {}
    place = place[step] as Record<string, unknown>
  })
}

describe('no argument leads out of the path', () => {
  const steps = [
    '..',
    '.',
    '../admin',
    'x/../../admin',
    '..\\admin',
    '%2e%2e',
    '%2e%2e%2fadmin',
    '..;/admin',
    '%252e%252E/',
    'a/..%5cb',
    './',
  ]
  test.each(steps)('%s', async (value) => {
    const tool = await readTool(openApi({ '/users/{id}': { delete: {} } }))
    expect(() => writeRequest(tool, { id: value })).toThrow(
      'The argument "id" must not have a step of "." or ".." in it.',
    )
  })

  test('nor do two together, nor one that is nothing', async () => {
    const tool = await readTool(openApi({ '/users/{a}{b}/x': { get: {} } }))
    expect(() => writeRequest(tool, { a: '.', b: 'x' })).toThrow('The argument "a"')
    const dotted = await readTool(openApi({ '/users/.{b}/x': { get: {} } }))
    expect(() => writeRequest(dotted, { b: ';x' })).toThrow('must not make a step')
    expect(() => writeRequest(tool, { a: '', b: 'x' })).toThrow('The argument "a" must not be empty.')
  })

  test('names with dots, slashes and per cents in them are let be', async () => {
    const tool = await readTool(openApi({ '/files/{path}': { get: {} } }))
    const paths = ['docs/a.b/..c', '...', '100%', '.github/workflows'].map((path) => writeRequest(tool, { path }).url)
    expect(paths.map((url) => url.slice('https://api.test/v1/files/'.length))).toEqual([
      'docs%2Fa.b%2F..c',
      '...',
      '100%25',
      '.github%2Fworkflows',
    ])
  })
})

test.each([
  ['header', 'a\r\nx-evil: 1', 'The argument "v" cannot be sent as a header'],
  ['header', '€', 'The argument "v" cannot be sent as a header'],
  ['query', '\ud800', 'The argument "v" has half a character in it.'],
  ['path', '\ud800', 'The argument "v" has half a character in it.'],
])('what cannot be sent in a %s is refused: %j', async (place, value, message) => {
  const parameters = [{ name: 'v', in: place, schema }]
  const tool = await readTool(openApi({ [place === 'path' ? '/a/{v}' : '/a']: { get: { parameters } } }))
  expect(() => writeRequest(tool, { v: value })).toThrow(message)
})

test('what is not given is not sent', async () => {
  const parameters = [
    { name: 'constructor', in: 'query', schema },
    { name: 'X-A', in: 'header', schema },
  ]
  const tool = await readTool(
    openApi({
      '/a': {
        post: {
          parameters,
          requestBody: { content: { 'application/json': { schema: { type: 'object', properties: { b: {} } } } } },
        },
      },
    }),
  )
  expect(writeRequest(tool, {})).toEqual({
    method: 'POST',
    url: 'https://api.test/v1/a',
    headers: { accept: expect.any(String) },
  })
})

test('values of forms that are no texts', async () => {
  const content = {
    'application/x-www-form-urlencoded': {
      schema: { type: 'object', properties: { deep: {}, list: {}, map: {}, nothing: {} } },
      encoding: { deep: { style: 'deepObject', explode: true } },
    },
  }
  const given = { deep: { a: { b: 1 } }, list: ['x', 2], map: { a: 1 }, nothing: null }
  expect(decodeURIComponent(String(writeRequest(await posted(content), given).body))).toBe(
    'deep[a][b]=1&list=x&list=2&map={"a":1}',
  )
})
