import { setTimeout as pause } from 'node:timers/promises'
import type { AuthorizationBehaviour } from '@tianjillm/testing-mcp'
import { expect, test } from 'vitest'
import { createGrantedTokens } from '../../../src/upstream/oauth/granted-tokens.ts'
import type { GrantStore } from '../../../src/upstream/oauth/grants.ts'
import type { TokenSource } from '../../../src/upstream/token-source.ts'
import { signing } from './signing.ts'

/** When tokens are renewed that last for an hour. */
const DUE = 3_550_000

/** Ada has signed in; her tokens as two processes with one store have them. */
async function twoProcesses(authority: Partial<AuthorizationBehaviour> = {}) {
  const house = await signing({ authority })
  await house.enter('ada')
  const { server, grants, key, clock } = house
  let claims = 0
  const counting: GrantStore = {
    ...grants,
    claim(...claim) {
      claims++
      return grants.claim(...claim)
    },
  }
  const owner = { server: 'docs', serverUrl: server.url, owner: 'ada', onEnd: () => {} }
  const process = (): TokenSource => createGrantedTokens(owner, counting, { fetch, now: () => clock.now })
  return {
    ...house,
    processes: [process(), process()] as const,
    /** How often one of them wanted to renew something. */
    claims: () => claims,
    refreshes: () => house.authority.seen.filter(({ params }) => params.grant_type === 'refresh_token').length,
    stored: async () => (await grants.find(key, 'ada'))?.accessToken,
  }
}

const together = <Result>(processes: readonly TokenSource[], ask: (tokens: TokenSource) => PromiseLike<Result>) =>
  Promise.all(processes.flatMap((tokens) => Array.from({ length: 50 }, () => ask(tokens))))

test('a token that is due is renewed once by all processes together', async () => {
  const { processes, clock, refreshes, stored, authority } = await twoProcesses({ wait: () => pause(20) })
  const [before] = new Set(await together(processes, (tokens) => tokens.token()))
  clock.now += DUE
  const after = new Set(await together(processes, (tokens) => tokens.token()))
  expect([...after]).toEqual([await stored()])
  expect(after).not.toContain(before)
  expect(authority.given([...after][0]!)).toMatchObject({ user: 'ada' })
  expect(refreshes()).toBe(1)
})

test('a token that is refused is renewed once by all processes together', async () => {
  const { processes, refreshes, stored, authority } = await twoProcesses({ wait: () => pause(20) })
  const before = (await stored())!
  authority.revoke('access')
  const answers = await together(processes, async (tokens) => tokens.refused(before, { status: 401 }))
  expect(new Set(answers)).toEqual(new Set([true]))
  const after = new Set(await together(processes, (tokens) => tokens.token()))
  expect([...after]).toEqual([await stored()])
  expect(authority.given([...after][0]!)).toMatchObject({ user: 'ada' })
  expect(refreshes()).toBe(1)
})

test('one process after the other renews the same grant, and each uses what the other has left', async () => {
  const { processes, clock, refreshes, authority } = await twoProcesses()
  for (const tokens of [...processes, ...processes, ...processes]) {
    clock.now += DUE
    expect(authority.given(await tokens.token())).toMatchObject({ user: 'ada' })
  }
  expect(refreshes()).toBe(6)
})

test('a token that another process has just renewed is not renewed again', async () => {
  const { processes, clock, refreshes } = await twoProcesses({ expiresIn: 30 })
  await together(processes, (tokens) => tokens.token())
  clock.now += 16_000
  const [one, other] = [await processes[0].token(), await processes[1].token()]
  expect(other).toBe(one)
  expect(refreshes()).toBe(1)
})

test('what a process left undone that ended in the middle of it is taken over, but not before its time is up', async () => {
  const { processes, clock, grants, key, claims, refreshes, authority } = await twoProcesses()
  clock.now += DUE
  await grants.claim(key, 'ada', 'a process that ends', 20_000)
  const token = processes[0].token()
  await expect.poll(claims).toBeGreaterThan(1)
  expect(refreshes()).toBe(0)
  clock.now += 20_000
  expect(authority.given(await token)).toMatchObject({ user: 'ada' })
  expect(refreshes()).toBe(1)
})

test('others are not waited for without end', async () => {
  const { processes, clock, grants, key, claims, refreshes } = await twoProcesses()
  clock.now += DUE + 60_000
  await grants.claim(key, 'ada', 'a process that hangs', 3_600_000)
  const token = processes[0].token()
  const failure = expect(token).rejects.toMatchObject({ kind: 'upstream_auth_failed' })
  await expect.poll(claims).toBeGreaterThan(1)
  clock.now += 60_000
  await failure
  expect(refreshes()).toBe(0)
})

test('while an authorization server is down no process keeps the others from trying', async () => {
  const { processes, clock, refreshes, authority } = await twoProcesses()
  authority.behaviour.down = 503
  clock.now += DUE + 60_000
  const failures = await Promise.all(processes.map((tokens) => tokens.token().catch(({ kind }) => kind)))
  expect(failures).toEqual(['upstream_auth_failed', 'upstream_auth_failed'])
  expect(refreshes()).toBe(2)
  authority.behaviour.down = undefined
  expect(authority.given(await processes[1].token())).toMatchObject({ user: 'ada' })
})

test.each([
  ['signs in anew', true],
  ['signs out', false],
])('who %s while a token is renewed is not overruled by it', async (_, isBack) => {
  const { processes, clock, authority, enter, signIn, stored } = await twoProcesses()
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>()
  const { promise: open, resolve: go } = Promise.withResolvers<void>()
  authority.behaviour.wait = async () => {
    authority.behaviour.wait = async () => {}
    arrive()
    await open
  }
  clock.now += DUE
  const token = processes[0].token().catch(({ facts }) => facts.code)
  await arrived
  await signIn.end('ada')
  if (isBack) await enter('ada')
  const now = await stored()
  go()
  expect(await token).toBe(isBack ? now : 'sign_in_required')
  expect(await stored()).toBe(now)
})
