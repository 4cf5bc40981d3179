export { formOf } from './multipart.ts'
export {
  type CompatibleOperation,
  mendReasoning,
  type OpenAICompatibleFacts,
  type OpenAICompatibleOptions,
  openaiCompatible,
} from './openai-compatible.ts'
