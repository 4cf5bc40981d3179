import type OpenAI from 'openai'
import { type Facts, get, heading, newKey, outcomeOf, post, sayHi, tell, until } from './gateway.ts'

/** What a key may, and what becomes of it. */
export async function keys(): Promise<void> {
  heading('Calls')
  const free = await newKey({ key_alias: 'free' })
  await calls(free)

  heading('What a key may')
  const everyday = await newKey({ key_alias: 'everyday', models: ['everyday'] })
  tell('a model of its access group', await outcomeOf(sayHi(everyday, { model: 'echo' })))
  tell('a model that is not', await outcomeOf(sayHi(everyday, { model: 'large' })))
  tell('a model that there is not', await outcomeOf(sayHi(free, { model: 'smal' })))
  const reader = await newKey({ key_alias: 'reader', allowed_routes: ['info_routes', '/v1/embeddings'] })
  tell('a route that it may call', await outcomeOf(reader.get('/v1/models')))
  tell('a route that it may not', await outcomeOf(sayHi(reader)))

  heading('What becomes of a key')
  const brief = await newKey({ key_alias: 'brief', duration: '1s' })
  await until(async () => (await outcomeOf(brief.get('/v1/models'))) !== '200')
  tell('it expires', await outcomeOf(sayHi(brief)))
  await post('/key/block', { key: free.apiKey })
  tell('it is blocked', await outcomeOf(sayHi(free)))
  await post('/key/unblock', { key: free.apiKey })
  tell('and let in again', await outcomeOf(sayHi(free, { model: 'echo' })))
  await regenerated(free)
  await blockedPeople()
}

async function calls(client: OpenAI): Promise<void> {
  const { choices, usage } = await sayHi(client)
  tell('a chat', [choices[0]?.message.content, usage?.total_tokens])
  const stream = await client.chat.completions.create({
    model: 'small',
    messages: [{ role: 'user', content: 'hi' }],
    stream: true,
    stream_options: { include_usage: true },
  })
  const pieces: unknown[] = []
  for await (const { choices, usage } of stream)
    pieces.push(...choices.map(({ delta }) => delta.content), usage?.total_tokens)
  tell(
    'a streamed chat',
    pieces.filter((piece) => piece != null && piece !== ''),
  )
  const { data, usage: used } = await client.embeddings.create({ model: 'small', input: 'hi', dimensions: 8 })
  tell('an embedding', [data[0]?.embedding.length, used.total_tokens])
}

async function regenerated(old: OpenAI): Promise<void> {
  const own = await newKey({ key_alias: 'renewed' })
  const { key } = await post<{ readonly key: string }>('/key/regenerate', { key: own.apiKey })
  tell('its secret is no good any more', await outcomeOf(sayHi(own)))
  const client = own.withOptions({ apiKey: key })
  tell('its new secret is', await outcomeOf(sayHi(client, { model: 'echo' })))
  const { info } = await get<{ readonly info: Facts }>('/key/info', { key })
  tell('it has the same name', info.key_alias)
  await post('/key/delete', { keys: [key] })
  tell('it is deleted', await outcomeOf(sayHi(client)))
  tell('another is not', await outcomeOf(sayHi(old, { model: 'echo' })))
}

async function blockedPeople(): Promise<void> {
  await post('/team/new', { team_id: 'grey' })
  await post('/user/new', { user_id: 'eve', auto_create_key: false })
  const teams = await newKey({ team_id: 'grey' })
  const users = await newKey({ user_id: 'eve' })
  await post('/team/block', { team_id: 'grey' })
  tell('its team is blocked', await outcomeOf(sayHi(teams)))
  await post('/user/block', { user_ids: ['eve'] })
  tell('its user is blocked', await outcomeOf(sayHi(users)))
  const free = await newKey({})
  await post('/customer/block', { user_ids: ['thief'] })
  tell('the customer is blocked', await outcomeOf(sayHi(free, { model: 'echo', user: 'thief' })))
}
