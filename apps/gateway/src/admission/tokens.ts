import type { TokenFacts, TokenReader } from '@tianjillm/jwt'
import type { Standing } from '@tianjillm/tenancy'
import type { Tenancy } from '../tenancy.ts'
import { type Admitted, admittedByStanding, type IdentityRooms } from './identity.ts'

/** Somebody whom no database knows. */
const unknown: Standing = {
  key: undefined,
  user: undefined,
  team: undefined,
  member: undefined,
  organization: undefined,
  budgets: new Map(),
}

/** Whom tokens of identity providers stand for; undefined for what is no such token. */
export function tokenAdmission(
  tokens: TokenReader,
  tenancy: Tenancy | undefined,
  rooms: IdentityRooms,
): (token: string) => Promise<Admitted> | undefined {
  const kept = new WeakMap<Standing, WeakMap<TokenFacts, Admitted>>()
  const admittedOf = (facts: TokenFacts, standing: Standing) => {
    // The same token has the same facts, as long as they are remembered.
    const known = kept.get(standing) ?? new WeakMap<TokenFacts, Admitted>()
    kept.set(standing, known)
    const admitted = known.get(facts) ?? admit(facts, standing, rooms)
    known.set(facts, admitted)
    return admitted
  }
  return (token) => {
    if (!tokens.isToken(token)) return undefined
    return tokens.read(token).then(async (facts) => {
      const standing = await tenancy?.findPerson({
        ...{ userId: facts.userId, teamId: facts.teamIds[0], organizationId: facts.organizationId },
        ...{ email: facts.email, isUserMade: facts.createsUser, isTeamMade: facts.createsTeams },
      })
      return admittedOf(facts, standing ?? unknown)
    })
  }
}

function admit(facts: TokenFacts, standing: Standing, rooms: IdentityRooms): Admitted {
  const { id, role, userId, email, teamIds, organizationId, endUserId, models, routes } = facts
  return admittedByStanding(standing, rooms, {
    caller: { keyHash: id, userId, userEmail: email, teamId: teamIds[0], organizationId, endUserId },
    role: role === 'team' ? undefined : role,
    models,
    routes,
  })
}
