import type { Candidate } from './candidate.ts'
import { joinCooldown } from './cooldown.ts'
import { reachableBy } from './fallbacks.ts'
import { findGroup, type Groups, groupDeployments, modelNotFound } from './groups.ts'
import { Health } from './health.ts'
import type { RoutingRequest } from './request.ts'
import { defaultRules, type Rules } from './rules.ts'
import type { Contender } from './strategies.ts'

/** Knows which deployments there are, how they do, and by what rules one is chosen. */
export interface Router<Deployment extends Candidate> {
  readonly groups: Groups<Deployment>
  readonly rules: Rules
  /** Where a request goes. Throws GatewayError `model_not_found`. */
  plan(request: RoutingRequest): Plan<Deployment>
  /** The deployments of a group, by its name, another name of it, or the id of a deployment; undefined when unknown. */
  find(name: string): readonly Contender<Deployment>[] | undefined
  /** How the deployments do, by their ids. */
  readonly health: ReadonlyMap<string, Health>
  /** Hears of each deployment that has failed here and is left alone now. */
  readonly onCooldown: CooldownListener
  /**
   * Leaves a deployment alone that has failed in another gateway. Nothing is made shorter by it, and a deployment that is
   * alone in its group is spared. Ids that are not known do nothing.
   */
  joinCooldown(id: string, until: number, now: number): void
}

/** `until` is in milliseconds of the driver's clock. */
export type CooldownListener = (id: string, until: number) => void

/** Where one request goes. */
export interface Plan<Deployment extends Candidate> {
  readonly router: Router<Deployment>
  readonly request: RoutingRequest
  /** The group that is asked first. */
  readonly group: string
  readonly contenders: readonly Contender<Deployment>[]
  /** All deployments it may come to, those of fallbacks too. */
  reachable(): readonly Deployment[]
}

/** A router. Health is kept by the deployments' ids, so that a router made after another can go on with it. */
export function createRouter<Deployment extends Candidate>(
  deployments: readonly Deployment[],
  rules: Rules = defaultRules,
  known: ReadonlyMap<string, Health> = new Map(),
  onCooldown: CooldownListener = () => {},
): Router<Deployment> {
  const groups = groupDeployments(deployments)
  const health = new Map(deployments.map(({ id }) => [id, known.get(id) ?? new Health()]))
  const contender = (deployment: Deployment, model = deployment.model): Contender<Deployment> => ({
    deployment,
    model,
    health: health.get(deployment.id)!,
  })
  const exact = new Map([...groups.exact].map(([name, members]) => [name, members.map((member) => contender(member))]))
  const byId = new Map(deployments.map((deployment) => [deployment.id, [contender(deployment)]]))

  const find = (name: string): readonly Contender<Deployment>[] | undefined => {
    const group = rules.aliases.get(name) ?? name
    return (
      exact.get(group) ??
      byId.get(group) ??
      findGroup(groups, group)?.map(({ deployment, model }) => contender(deployment, model))
    )
  }
  const deploymentsOf = (name: string) => find(name)?.map(({ deployment }) => deployment) ?? []

  const router: Router<Deployment> = {
    groups,
    rules,
    health,
    onCooldown,
    joinCooldown(id, until, now) {
      const [own] = byId.get(id) ?? []
      if (own === undefined) return
      const isAlone = deployments.filter(({ group }) => group === own.deployment.group).length === 1
      joinCooldown(own.health, until, isAlone, rules.cooldown, now)
    },
    find,
    plan(request) {
      const group = rules.aliases.get(request.model) ?? request.model
      const contenders = find(group)
      if (contenders === undefined) throw modelNotFound(groups, request.model)
      return {
        router,
        request,
        group,
        contenders,
        reachable: () => [...new Set(reachableBy(request, rules).flatMap(deploymentsOf))],
      }
    },
  }
  return router
}

/** A plan that comes to one deployment alone. */
export function soloPlan<Deployment extends Candidate>(
  deployment: Deployment,
  model: string,
  { model: group, failsWith }: RoutingRequest,
): Plan<Deployment> {
  return {
    router: createRouter([deployment], { ...defaultRules, numRetries: 0 }),
    request: { model: group, tags: [], disablesFallbacks: true, failsWith },
    group,
    contenders: [{ deployment, model, health: new Health() }],
    reachable: () => [deployment],
  }
}
