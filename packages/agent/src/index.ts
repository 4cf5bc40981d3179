export { type Agent, type AgentSettings, createAgent, type QueryOptions, type SessionOptions } from './agent.ts'
export { type AgentLimits, defaultAgentLimits } from './agent-limits.ts'
export type { AgentAnswer, AgentEvent, HearEvent, ToolInvocation } from './answer.ts'
export { type AgentErrorCode, agentError, agentErrorCode } from './error-codes.ts'
export { defaultLimits, type LoopLimits } from './limits.ts'
export type { AgentServer } from './mcp-servers.ts'
export { createMemorySessions, type MemorySettings } from './memory-sessions.ts'
export type { AgentProvider, Attempt } from './provider.ts'
export { createReach } from './reach.ts'
export type { Completed, ModelAnswer, Piece } from './read-answer.ts'
export { plainText, resultText } from './result-text.ts'
export type { CallTool, LoopTool, ToolRun } from './run-call.ts'
export type { Session, SessionStore } from './session.ts'
export {
  type Ask,
  type LoopEnd,
  type LoopEvent,
  type LoopOutcome,
  type LoopSettings,
  type Reply,
  runToolLoop,
  type Turn,
  toolLoop,
} from './tool-loop.ts'
export {
  type AgentTool,
  type AgentTools,
  type AgentTransport,
  agentTransports,
  type ToolCallSettings,
  type ToolSelection,
} from './tools.ts'
export type { AgentSpan, AttributeValue, HearSpans } from './trace.ts'
export { addUsage } from './usage.ts'
export { isReached, wayTo } from './ways.ts'
