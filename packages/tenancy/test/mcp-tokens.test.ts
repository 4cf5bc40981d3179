import { createSeal, openStore } from '@tianjillm/store'
import { describeOnBoth } from '@tianjillm/testing'
import { expect, it, onTestFinished } from 'vitest'
import { createDirectory, createMcpTokens } from '../src/index.ts'
import { admin } from './support.ts'

const NOW = Date.UTC(2026, 10, 21, 12)

async function tokensIn(url: string) {
  const store = await openStore({ url })
  onTestFinished(() => store.close())
  const directory = createDirectory({ store, now: () => NOW, changed: () => {} })
  const tokensBy = (secret: string) => createMcpTokens({ store, seal: createSeal(secret), now: () => NOW })
  return { store, directory, tokensBy, tokens: tokensBy('the master key') }
}

describeOnBoth('what users have at MCP servers', (newUrl) => {
  it('is kept for one server and one owner, and replaced', async () => {
    const { tokens } = await tokensIn(newUrl())
    await tokens.save('docs', 'user:ada', { accessToken: 'one' })
    await tokens.save('docs', 'user:ada', { accessToken: 'two' })
    await tokens.save('docs', 'user:bob', { accessToken: 'of bob' })
    expect(await tokens.find('docs', 'user:ada')).toEqual({ accessToken: 'two' })
    expect(await tokens.find('mail', 'user:ada')).toBeUndefined()
    await tokens.remove('docs', 'user:ada')
    expect(await tokens.find('docs', 'user:ada')).toBeUndefined()
    expect(await tokens.find('docs', 'user:bob')).toEqual({ accessToken: 'of bob' })
  })

  it('opens for nobody else, whatever is done to its row, nor with another master key', async () => {
    const { store, tokens, tokensBy } = await tokensIn(newUrl())
    await tokens.save('docs', 'user:ada', { accessToken: 'one' })
    expect(await tokensBy('another').find('docs', 'user:ada')).toBeUndefined()
    const row = await store.database.selectFrom('tianji_mcp_tokens').selectAll().executeTakeFirstOrThrow()
    expect(row.content).not.toContain('one')
    await store.database
      .insertInto('tianji_mcp_tokens')
      .values({ ...row, owner: 'user:eve' })
      .execute()
    expect(await tokens.find('docs', 'user:eve')).toBeUndefined()
  })

  it('is held by one at a time, who alone can give it back', async () => {
    const { tokens } = await tokensIn(newUrl())
    await tokens.save('docs', 'user:ada', { accessToken: 'one' })
    const holders = Array.from({ length: 20 }, (_, index) => `process ${index}`)
    const claims = await Promise.all(holders.map((holder) => tokens.claim('docs', 'user:ada', holder, 3_600_000)))
    const [winner = '', ...others] = holders.filter((_, index) => claims[index])
    expect([winner, others]).toEqual([expect.stringMatching(/^process/), []])
    expect(await tokens.claim('docs', 'user:ada', winner, 3_600_000)).toBe(true)
    expect(await tokens.release('docs', 'user:ada', 'somebody', { accessToken: 'stolen' })).toBe(false)
    expect(await tokens.release('docs', 'user:ada', winner, { accessToken: 'two' })).toBe(true)
    expect(await tokens.find('docs', 'user:ada')).toEqual({ accessToken: 'two' })
    expect(await tokens.claim('docs', 'user:ada', 'the next', 3_600_000)).toBe(true)
    expect(await tokens.release('docs', 'user:ada', 'the next')).toBe(true)
    expect(await tokens.find('docs', 'user:ada')).toEqual({ accessToken: 'two' })
  })

  it('is free again when its holder does not come back', async () => {
    const { tokens } = await tokensIn(newUrl())
    await tokens.save('docs', 'user:ada', { accessToken: 'one' })
    await tokens.claim('docs', 'user:ada', 'a process that ends', 50)
    await expect.poll(() => tokens.claim('docs', 'user:ada', 'another', 3_600_000)).toBe(true)
    expect(await tokens.release('docs', 'user:ada', 'a process that ends', { accessToken: 'late' })).toBe(false)
    expect(await tokens.find('docs', 'user:ada')).toEqual({ accessToken: 'one' })
  })

  it('is held no more when it is saved or removed, and cannot be held when it is not there', async () => {
    const { tokens } = await tokensIn(newUrl())
    expect(await tokens.claim('docs', 'user:ada', 'early', 3_600_000)).toBe(false)
    await tokens.save('docs', 'user:ada', { accessToken: 'one' })
    await tokens.claim('docs', 'user:ada', 'one', 3_600_000)
    await tokens.save('docs', 'user:ada', { accessToken: 'two' })
    expect(await tokens.release('docs', 'user:ada', 'one', { accessToken: 'late' })).toBe(false)
    await tokens.claim('docs', 'user:ada', 'one', 3_600_000)
    await tokens.remove('docs', 'user:ada')
    expect(await tokens.release('docs', 'user:ada', 'one', { accessToken: 'late' })).toBe(false)
    expect(await tokens.find('docs', 'user:ada')).toBeUndefined()
  })

  it('goes with its owner', async () => {
    const { tokens, directory } = await tokensIn(newUrl())
    await directory.users.create({ user_id: 'ada' }, admin)
    const { key, token_id } = await directory.keys.generate({}, admin)
    const owners = ['user:ada', `key:${token_id}`, 'user:bob']
    for (const owner of owners) await tokens.save('docs', owner, { accessToken: 'one' })
    await directory.users.delete({ user_ids: ['ada'] }, admin)
    await directory.keys.regenerate(String(key), {}, admin)
    const left = await Promise.all(owners.map((owner) => tokens.find('docs', owner)))
    expect(left).toEqual([undefined, undefined, { accessToken: 'one' }])
  })
})
