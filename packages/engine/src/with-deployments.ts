import { createRouter } from '@tianjillm/router'
import { type Deployment, worthAsking } from './deployment.ts'
import type { Engine } from './engine.ts'

/** The same engine with further deployments, of which only those know who have it. */
export function withDeployments(engine: Engine, further: readonly Deployment[]): Engine {
  const { rules, health, onCooldown } = engine.router
  const deployments = [...engine.deployments, ...further]
  return { ...engine, deployments, router: createRouter(worthAsking(deployments), rules, health, onCooldown) }
}
