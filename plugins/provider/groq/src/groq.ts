import {
  type ChatCompletion,
  type ChatCompletionChunk,
  isJsonObject,
  type ProviderPlugin,
  type Usage,
} from '@tianjillm/core'
import { mendReasoning, type OpenAICompatibleOptions, openaiCompatible } from '@tianjillm/openai-compatible'

/** Groq serves open models behind OpenAI's own wire format. https://console.groq.com/docs */
export const groq: ProviderPlugin<OpenAICompatibleOptions> = openaiCompatible({
  name: 'groq',
  title: 'Groq',
  docs: 'https://console.groq.com/docs',
  baseURL: 'https://api.groq.com/openai/v1',
  apiKeyEnv: 'GROQ_API_KEY',
  operations: ['chat', 'speech', 'transcription', 'translation'],
  lacks: { chat: ['n', 'logit_bias', 'logprobs', 'top_logprobs'] },
  mend: (answer) => mendUsage(mendReasoning(answer)),
})

/** The last chunk of a stream has its usage under `x_groq`. */
function mendUsage<Answer extends ChatCompletion | ChatCompletionChunk>(answer: Answer): Answer {
  const { x_groq, usage } = answer
  return !usage && isJsonObject(x_groq) && isJsonObject(x_groq.usage)
    ? { ...answer, usage: x_groq.usage as Usage }
    : answer
}
