/** What a token says of whoever sent it, once it is verified. */
export interface TokenFacts {
  /** SHA-256, in hex, of who sent it: the same for all tokens of one subject, and no other's. */
  readonly id: string
  /** Only what a scope or a role of the token gives, never what is merely likely; undefined: nothing more than calls. */
  readonly role: TokenRole | undefined
  readonly userId: string | undefined
  readonly email: string | undefined
  /** The first is the one the token itself puts first. */
  readonly teamIds: readonly string[]
  readonly organizationId: string | undefined
  readonly endUserId: string | undefined
  /** Models it is confined to, each perhaps with a `*`; never empty. Undefined: all. */
  readonly models: readonly string[] | undefined
  /** Paths it is confined to, each perhaps with a `*`, or LiteLLM's names of kinds of routes; never empty. Undefined: all. */
  readonly routes: readonly string[] | undefined
  /** Whether a user that nobody knows yet may be made of it. */
  readonly createsUser: boolean
  /** Whether teams that nobody knows yet may be made of it. */
  readonly createsTeams: boolean
  /** When it ends, in milliseconds since 1970. */
  readonly expires: number
}

/** What somebody with a token may be. https://docs.litellm.ai/docs/proxy/token_auth */
export type TokenRole = 'proxy_admin' | 'proxy_admin_viewer' | 'internal_user' | 'internal_user_viewer' | 'team'
