import type { TokenSource } from '../token-source.ts'
import { signInNeeded } from './sign-in-needed.ts'

/** A token that somebody has come with. Once it is refused it rejects with `signInNeeded`: they have to come with another. */
export function createBroughtToken(server: string, token: string, onEnd: () => void): TokenSource {
  return {
    token: async () => token,
    refused(_token, { scope }) {
      onEnd()
      throw signInNeeded(server, scope)
    },
  }
}
