import { describe, expect, it } from 'vitest'
import { clientOf } from '../src/mcp/client-of.ts'

const filterOf = (...mcp: readonly object[]) => clientOf({ caller: { keyHash: 'k' }, mcp } as never).filter

describe('what a key may see of MCP servers', () => {
  it('is all, when nobody says anything', () => {
    expect(filterOf()).toEqual({ servers: [], owner: 'key:k' })
  })

  it('is no more than each says whom it belongs to', () => {
    const team = { servers: ['docs', 'files'], allowed_tools: ['read', 'write'], exclude_tags: ['internal'] }
    const key = { servers: ['docs', 'mail'], allowed_tools: ['read', 'send'], disallowed_tools: ['read'] }
    const filter = filterOf(team, key)
    expect(filter.servers).toEqual([
      expect.arrayContaining(['docs', 'files']),
      expect.arrayContaining(['docs', 'mail']),
    ])
    expect(filter).toMatchObject({ allowedTools: [], excludeTags: ['internal'] })
  })

  it('cannot be widened by a key that says less than its team', () => {
    expect(filterOf({ allowed_tools: ['read'] }, {}).allowedTools).toEqual(['read'])
    expect(filterOf({ include_tags: ['a'] }, { include_tags: ['b'] }).includeTags).toEqual([])
  })
})
