import type { Identity } from '../../admission/identity.ts'

/** Whose tokens of MCP servers somebody uses: a user's with all their keys, else those of the key itself. */
export function ownerOf({ caller: { userId, keyHash } }: Identity): string {
  // A gateway that wants no key has one user.
  return userId !== undefined ? `user:${userId}` : keyHash !== undefined ? `key:${keyHash}` : 'anybody'
}

/** Who somebody is, in words that they know. */
export function titleOf({ caller: { userEmail, userId, keyAlias } }: Identity): string {
  const user = userEmail ?? userId
  if (user !== undefined) return `the user ${user}`
  return keyAlias === undefined ? 'whoever uses this gateway' : `the key ${keyAlias}`
}
