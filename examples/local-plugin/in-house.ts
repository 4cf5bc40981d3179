// A plugin in a file of your own: a model server that speaks OpenAI's wire format, under a name of its own.
// proxy_config.yaml beside it names this file under `plugins`.
import { register } from '@tianjillm/core'
import { mendReasoning, openaiCompatible } from '@tianjillm/openai-compatible'

register(
  openaiCompatible({
    name: 'in_house',
    title: 'Our model server',
    docs: 'https://wiki.example.com/model-server',
    baseURL: 'http://127.0.0.1:8000/v1', // IN_HOUSE_API_BASE or api_base replaces it
    apiKeyEnv: 'IN_HOUSE_API_KEY',
    operations: ['chat', 'embedding'],
    lacks: { chat: ['logit_bias', 'n'] },
    rename: { max_completion_tokens: 'max_tokens' },
    mend: mendReasoning,
  }),
)
