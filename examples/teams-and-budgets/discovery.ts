import { admin, type Facts, get, heading, newKey, post, tell } from './gateway.ts'

/** What there is, as each key is told. */
export async function discovery(): Promise<void> {
  heading('What there is')
  const narrow = await newKey({ key_alias: 'narrow', models: ['small', 'echo'] })
  for (const [name, client] of [
    ['for the master key', admin],
    ['for a key with two models', narrow],
  ] as const) {
    const { data } = await get<{ readonly data: readonly { readonly id: string }[] }>('/v1/models', {}, client)
    tell(
      name,
      data.map(({ id }) => id),
    )
  }
  const { data } = await get<{ readonly data: readonly Facts[] }>('/model_group/info', {}, narrow)
  for (const { model_group, providers, mode, input_cost_per_token } of data)
    tell(String(model_group), { providers, mode, input_cost_per_token })
  const counted = await post('/utils/token_counter', {
    model: 'small',
    messages: [{ role: 'user', content: 'How many tokens are these?' }],
  })
  tell('tokens of a question', counted.total_tokens)
}
