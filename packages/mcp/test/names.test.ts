import { expect, test } from 'vitest'
import { prefixOf, publicNames } from '../src/names.ts'

const free = () => false
const github = { server: 'github', prefix: 'github', separator: '-' }

test('a public name is prefix, separator and name', () => {
  expect(publicNames(['search', 'get-issue'], github, free)).toEqual(['github-search', 'github-get-issue'])
})

test('a prefix has no separator, and nothing that models refuse', () => {
  expect(prefixOf('my-server', '-')).toBe('my_server')
  expect(prefixOf('Büro 1', '-')).toBe('B_ro_1')
  expect(prefixOf('', '-')).toBe('server')
})

test('what models refuse in a name becomes _', () => {
  expect(publicNames(['a.b', 'c/d'], github, free)).toEqual(['github-a_b', 'github-c_d'])
})

test('names that would become one get a hash; a name that needs no change keeps itself', () => {
  const [dotted, plain, slashed] = publicNames(['a.b', 'a_b', 'a/b'], github, free)
  expect(plain).toBe('github-a_b')
  expect(dotted).toMatch(/^github-a_b-[0-9a-f]{8}$/)
  expect(slashed).toMatch(/^github-a_b-[0-9a-f]{8}$/)
  expect(dotted).not.toBe(slashed)
})

test('a long name is cut to 64 characters and stays unique and the same', () => {
  const names = ['x'.repeat(100), `${'x'.repeat(100)}y`]
  const found = publicNames(names, github, free)
  expect(new Set(found.map((name) => name.length))).toEqual(new Set([64]))
  expect(new Set(found).size).toBe(2)
  expect(publicNames([names[1]!], github, free)).toEqual([found[1]])
})

test('a name that another server has gets a hash', () => {
  const [name] = publicNames(['b'], github, (taken) => taken === 'github-b')
  expect(name).toMatch(/^github-b-[0-9a-f]{8}$/)
})
