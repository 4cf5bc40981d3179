import type OpenAI from 'openai'
import { admin, heading, newKey, outcomeOf, post, tell } from './gateway.ts'

/** Keeps a prompt in two versions, and uses it. */
export async function prompts(): Promise<void> {
  heading('Prompts')
  const first = await post('/prompts', {
    name: 'greeting',
    template: 'Greet {{name}}.',
    labels: ['production'],
  })
  const second = await admin.put<typeof first>('/prompts/greeting', { body: { template: 'Greet {{name}} {{how}}.' } })
  tell('its versions', [first.version, second.version])

  const client = await newKey({ key_alias: 'prompts', models: ['echo'] })
  const variables = { name: 'Ada', how: 'warmly' }
  tell('the newest', await answer(client, { prompt_id: 'greeting', prompt_variables: variables }))
  tell('by version', await answer(client, { prompt_id: 'greeting', prompt_version: 1, prompt_variables: variables }))
  tell(
    'by label',
    await answer(client, { prompt_name: 'greeting', prompt_label: 'production', prompt_variables: variables }),
  )
  tell('without a variable', await answer(client, { prompt_id: 'greeting', prompt_variables: { name: 'Ada' } }))
  tell('one that there is not', await answer(client, { prompt_id: 'farewell' }))
  tell('a version that there is not', await answer(client, { prompt_id: 'greeting', prompt_version: 7 }))
}

/** What the model `echo` says to a request, which is what it was asked; or why it was not asked. */
async function answer(client: OpenAI, prompt: Readonly<Record<string, unknown>>): Promise<unknown> {
  const asked = client.chat.completions.create({ model: 'echo', messages: [], ...prompt })
  const outcome = await outcomeOf(asked)
  return outcome === '200' ? (await asked).choices[0]?.message.content : outcome
}
