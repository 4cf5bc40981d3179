export {
  type BatchCallbackFacts,
  type BatchOptions,
  batchCallback,
  batchOptions,
  type Limits,
} from './batch-callback.ts'
export { callType } from './call-type.ts'
export { answerOf, modelParameters, promptOf } from './content.ts'
export { postJson, type Refusal, type Sink } from './sink.ts'
export { standardLoggingPayload } from './standard-logging-payload.ts'
export { withoutBase64 } from './without-base64.ts'
