import type { ProviderPlugin } from '@tianjillm/core'
import { type OpenAICompatibleOptions, openaiCompatible } from '@tianjillm/openai-compatible'

/** OpenAI itself. https://platform.openai.com/docs/api-reference */
export const openai: ProviderPlugin<OpenAICompatibleOptions> = openaiCompatible({
  name: 'openai',
  title: 'OpenAI',
  docs: 'https://platform.openai.com/docs/api-reference',
  baseURL: 'https://api.openai.com/v1',
  baseEnv: ['OPENAI_API_BASE', 'OPENAI_BASE_URL'],
  apiKeyEnv: 'OPENAI_API_KEY',
  operations: [
    'chat',
    'completion',
    'embedding',
    'image',
    'imageEdit',
    'imageVariation',
    'speech',
    'transcription',
    'translation',
  ],
})
