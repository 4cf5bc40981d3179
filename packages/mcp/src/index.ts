export { type ArgumentCheck, argumentCheck } from './argument-check.ts'
export { callTool, type ToolCallOptions, type ToolRequest } from './call-tool.ts'
export { type Catalog, type CatalogSettings, createCatalog, type ServerState } from './catalog.ts'
export { cleanText } from './clean-text.ts'
export { failedResult } from './failure.ts'
export { type Asked, createMcpEndpoint, type EndpointSettings, type McpEndpoint } from './http.ts'
export { type Asking, createLocalUpstream, type RunTool } from './local-upstream.ts'
export { createPinBook, type KeptPinBook, type PinBook, type PinStore } from './pin-book.ts'
export type { ChangedTool, Pinning, PinPolicy } from './pins.ts'
export { createViewServer, UNAVAILABLE_META_KEY, type ViewServer } from './server.ts'
export { McpServerError } from './server-error.ts'
export type { AroundTool, Client, RunToolCall, ServingSettings, ToolCall } from './serving-settings.ts'
export type { SessionLimits } from './sessions.ts'
export type {
  ApiTransport,
  AuthorizationCode,
  HeaderVariables,
  McpAuth,
  McpServerSettings,
  McpTransport,
  PersonalAuth,
  ProtocolTransport,
  TokenExchange,
  TokenPassthrough,
} from './settings.ts'
export { createSseEndpoint, type Delivery, type SseEndpoint, type SseSettings } from './sse.ts'
export { createStdioConversation, type Entered, type StdioConversation, type StdioSettings } from './stdio.ts'
export type { Offered, Source, TagFilter } from './stock.ts'
export { createUpstream } from './upstream/create.ts'
export { describeServer } from './upstream/oauth/authority.ts'
export { createBroughtToken } from './upstream/oauth/brought-token.ts'
export { createExchangedTokens } from './upstream/oauth/exchanged-tokens.ts'
export { createGrantedTokens, type TokenOwner } from './upstream/oauth/granted-tokens.ts'
export {
  createMemoryGrants,
  type Grant,
  type GrantStore,
  keyOfServer,
  type OAuthClient,
} from './upstream/oauth/grants.ts'
export {
  type AuthorizationAnswer,
  type CallbackPlace,
  clientMetadata,
  createSignIn,
  type Pending,
  type SignIn,
} from './upstream/oauth/sign-in.ts'
export { createPersonalUpstream, type PersonalUsers } from './upstream/personal-upstream.ts'
export type { SignatureRefusal, Signer } from './upstream/signer.ts'
export type { TokenSource } from './upstream/token-source.ts'
export type { Conversation, Health, Offer, Peer, PersonalServers, RequestOptions, Tool, Upstream } from './upstream.ts'
export type { Filter, View } from './view.ts'
