export { askJudge, type JudgeRequest } from './ask-judge.ts'
export { type Conversation, conversation, type JudgeMessage } from './conversation.ts'
export { type HttpGuardrailFacts, httpGuardrail, type JudgeSettings, type Question } from './http-guardrail.ts'
