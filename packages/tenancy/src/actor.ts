/** What somebody may do to the gateway itself, besides calling models. https://docs.litellm.ai/docs/proxy/access_control */
export type Role = 'proxy_admin' | 'proxy_admin_viewer' | 'internal_user' | 'internal_user_viewer'

/** Who acts on keys, people and budgets. */
export interface Actor {
  /** Undefined: may call models, and look at what is its own. */
  readonly role: Role | undefined
  readonly keyHash: string | undefined
  readonly userId: string | undefined
  readonly teamId: string | undefined
}

/** What is put down as the maker of something. */
export function nameOf({ userId, keyHash, role }: Actor): string | null {
  return userId ?? (role === 'proxy_admin' ? 'master_key' : (keyHash ?? null))
}

/** Whether somebody may look at all there is. */
export function seesAll({ role }: Actor): boolean {
  return role === 'proxy_admin' || role === 'proxy_admin_viewer'
}
