import {
  type AuthorizationBehaviour,
  type AuthorizationServer,
  authorizationServer,
  type ProtectedBehaviour,
  type ProtectedServer,
  protectedServer,
} from '@tianjillm/testing-mcp'
import { onTestFinished } from 'vitest'
import type { AuthorizationCode, McpServerSettings } from '../../../src/settings.ts'
import { createGrantedTokens } from '../../../src/upstream/oauth/granted-tokens.ts'
import { createMemoryGrants, type GrantStore, keyOfServer } from '../../../src/upstream/oauth/grants.ts'
import { type CallbackPlace, createSignIn, type Pending, type SignIn } from '../../../src/upstream/oauth/sign-in.ts'
import { createPersonalUpstream } from '../../../src/upstream/personal-upstream.ts'
import type { Upstream } from '../../../src/upstream.ts'

const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** A server that wants its users to sign in, what it belongs to, and the gateway's side of it. */
export interface Signing {
  readonly authority: AuthorizationServer
  readonly server: ProtectedServer
  readonly signIn: SignIn
  readonly grants: GrantStore
  /** The server's among grants. */
  readonly key: string
  readonly upstream: Upstream
  /** Changes what time it is. */
  readonly clock: { now: number }
  /** Does all that a browser does for this user, who is also the owner. */
  enter(user: string, place?: CallbackPlace, scope?: string): Promise<void>
  /** The name by which the server knows this owner. */
  whoIs(owner: string): Promise<unknown>
}

export const place: CallbackPlace = { redirectUrl: 'http://127.0.0.1:4000/mcp/oauth/callback' }

export async function signing({
  authority: ofAuthority = {},
  server: ofServer = {},
  settings = {},
}: {
  readonly authority?: Partial<AuthorizationBehaviour>
  readonly server?: Partial<ProtectedBehaviour> & { readonly era?: 'modern' | 'legacy' }
  readonly settings?: Partial<AuthorizationCode>
} = {}): Promise<Signing> {
  const authority = await authorizationServer(ofAuthority)
  const server = await protectedServer(authority, ofServer)
  const grants = createMemoryGrants(100, () => clock.now)
  const key = keyOfServer({ name: 'docs', url: server.url })
  const clock = { now: Date.now() }
  const host = { fetch, log, now: () => clock.now }
  const personal: AuthorizationCode = { type: 'authorization_code', scopes: [], ...settings }
  const signIn = createSignIn({ name: 'docs', url: server.url }, personal, { grants, host })
  const transport = { type: 'auto', url: server.url, headers: {}, auth: undefined } as const
  const whole: McpServerSettings = { name: 'docs', personal, transport }
  const upstream = createPersonalUpstream(whole, host, {
    ownerOf: (caller) => caller as string | undefined,
    linkFor: (caller, scope) => `https://gateway/sign-in?${String(caller)}&${scope ?? ''}`,
    otherwise: 'sign in',
    knownAs: (owner) => owner,
    areJudged: false,
    async reach(owner, onEnd) {
      if ((await grants.find(key, owner)) === undefined) return undefined
      const tokens = createGrantedTokens({ server: 'docs', serverUrl: server.url, owner, onEnd }, grants, host)
      return { ...transport, auth: { type: 'tokens', tokens } }
    },
  })
  onTestFinished(async () => {
    await upstream.close()
    await Promise.all([server.close(), authority.close()])
  })
  return {
    ...{ authority, server, signIn, grants, key, upstream, clock },
    async enter(user, at = place, scope) {
      const { url, pending } = await signIn.begin(at, { scope })
      await signIn.finish(user, pending, await answerOf(url, user))
    },
    async whoIs(owner) {
      const conversation = await upstream.open({ capabilities: {}, request: undefined, notify: undefined })
      const { content } = await conversation.request('tools/call', { name: 'whoami' }, { caller: owner })
      return (content as readonly { readonly text: string }[])[0]?.text
    },
  }
}

/** What the browser of this user brings back. */
export async function answerOf(
  url: URL,
  user = 'ada',
): Promise<{ readonly code: string; readonly iss: string | undefined }> {
  url.searchParams.set('state', 'of the test')
  const response = await fetch(url, { redirect: 'manual', headers: { 'x-user': user } })
  const back = new URL(response.headers.get('location') ?? 'http://nowhere')
  return { code: back.searchParams.get('code') ?? '', iss: back.searchParams.get('iss') ?? undefined }
}

export type { Pending }
