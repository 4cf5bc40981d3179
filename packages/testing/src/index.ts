export {
  type CallbackCase,
  type CallbackContract,
  callbackContract,
  failedReport,
  sampleReport,
} from './callback-contract.ts'
export { describeOnBoth } from './databases.ts'
export { encodeEvent, encodeMessage } from './event-stream.ts'
export { type Arrived, type FakeUpstream, fakeUpstream, ORIGIN_HEADER, type Scripted } from './fake-upstream.ts'
export { type GuardrailCase, type GuardrailContract, guarded, guardrailContract } from './guardrail-contract.ts'
export { postgresFolder, startPostgres, type TestPostgres } from './postgres.ts'
export {
  type OperationCase,
  type ProviderContract,
  providerContract,
  searchContract,
} from './provider-contract.ts'
export { freePort, needsRedis, redisProgram, startRedis, type TestRedis, type TestRedisSettings } from './redis.ts'
export { bytesOf, collect, namedSse, replyInPieces, sse } from './replies.ts'
export { expectSent, type Sent, type SentFile } from './sent.ts'
export { NOW, redirectedFetch, redirectedTransport, type StubLog, stubHost, stubLog } from './stub-host.ts'
