export { type Answer, objectIn, type Relay } from './answer.ts'
export { askModel, type Occasion } from './ask-model.ts'
export type { Asked, RawBody } from './asked.ts'
export { autoRoute } from './auto-route.ts'
export { LiveCall } from './call.ts'
export { Cancellation } from './cancellation.ts'
export {
  type CallSettings,
  type ConnectedProvider,
  type ConnectedSearch,
  type ConnectSettings,
  connect,
  connectSearch,
  type Streaming,
} from './connect.ts'
export { createCallback, createGuardrail } from './create.ts'
export {
  brokenDeployment,
  type CostOf,
  createDeployment,
  type Deployment,
  type DeploymentSettings,
  type Used,
} from './deployment.ts'
export { createEngine, type Engine, type EngineParts, run } from './engine.ts'
export type { Estimate } from './estimate.ts'
export { asGatewayError } from './gateway-error.ts'
export { createHost } from './host.ts'
export type { ConfiguredGuardrail } from './judge.ts'
export type { Patience } from './patience.ts'
export { fallbacksIn } from './plan.ts'
export { type Arrival, CallRecord } from './record.ts'
export type { Bookkeeper, ConfiguredCallback } from './reporter.ts'
export { runTool, type ToolTask } from './run-tool.ts'
export type { Said } from './said.ts'
export { draft, send } from './send.ts'
export type { RelayReply, SendSettings, Sink, TlsSettings, Transport } from './transport.ts'
export { webTransport } from './web-transport.ts'
export { withDeployments } from './with-deployments.ts'
