import type { Source } from '@tianjillm/mcp'
import { expect, test } from 'vitest'
import { type Arrival, createBrought, type KnownByHeaders } from '../src/mcp/oauth/brought.ts'

const source = (name: string, prefix?: string) =>
  ({ upstream: { name }, ...(prefix && { prefix }) }) as unknown as Source
const delegated: KnownByHeaders = { type: 'passthrough', isOpen: false }
const variables: KnownByHeaders = { type: 'header_variables', variables: { A: 'x-a', B: 'x-b' } }

function arriving(headers: Readonly<Record<string, string>>, hasToken = true): Arrival {
  return { hasToken, header: (name) => headers[name] }
}

test('who brings nothing keeps their name, and nothing is known of them', () => {
  const brought = createBrought()
  const servers = [
    { source: source('docs'), wants: delegated },
    { source: source('local'), wants: variables },
  ]
  for (const arrival of [arriving({}), arriving({ authorization: 'Bearer gateway' }, false), arriving({ 'x-a': '1' })])
    expect(brought.notice('user:ada', arrival, servers)).toBe('user:ada')
  expect(brought.find('user:ada', 'docs')).toBeUndefined()
  expect(brought.ownerOf('user:ada')).toBe('user:ada')
})

test('others, or with other things, are others to a server, and the same to themselves', () => {
  const brought = createBrought()
  const servers = [{ source: source('docs'), wants: delegated }]
  const known = (owner: string, token: string) => {
    const name = brought.notice(owner, arriving({ authorization: token }), servers)
    expect(brought.ownerOf(name)).toBe(owner)
    expect(brought.find(name, 'other')).toBeUndefined()
    return brought.find(name, 'docs')!
  }
  const all = [known('user:ada', 'Bearer 1'), known('user:ada', 'Bearer 2'), known('user:bob', 'Bearer 1')]
  expect(new Set(all.map((one) => one.known)).size).toBe(3)
  expect(known('user:ada', 'Bearer 1')).toEqual(all[0])
})

test('what is for one server alone goes before what is for whatever is asked, and stays with it', () => {
  const brought = createBrought()
  const servers = [
    { source: source('docs', 'papers'), wants: delegated },
    { source: source('mail'), wants: delegated },
  ]
  const headers = { authorization: 'Bearer all', 'x-mcp-papers-authorization': 'Bearer own' }
  const name = brought.notice('key:1', arriving(headers), servers)
  expect(brought.find(name, 'docs')?.values).toEqual({ authorization: 'Bearer own' })
  expect(brought.find(name, 'mail')?.values).toEqual({ authorization: 'Bearer all' })
})

test('of too many the longest ago is forgotten, and is nobody then', () => {
  const brought = createBrought(2)
  const servers = [{ source: source('docs'), wants: delegated }]
  const come = (token: string) => brought.notice('user:ada', arriving({ authorization: token }), servers)
  const [first, second] = [come('1'), come('2')]
  expect(come('1')).toBe(first)
  come('3')
  expect(brought.find(first, 'docs')).toBeDefined()
  expect(brought.find(second, 'docs')).toBeUndefined()
  // A name that nobody has any more is not that of whoever had it.
  expect(brought.ownerOf(second)).toBe(second)
})
