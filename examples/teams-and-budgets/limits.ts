import type OpenAI from 'openai'
import {
  admin,
  callsOf,
  type Facts,
  get,
  heading,
  type More,
  newKey,
  outcomeOf,
  sayHi,
  tell,
  until,
} from './gateway.ts'

/** What is limited, the key that is held to it, and what else its requests say. */
type Trial = readonly [limit: string, key: object, more?: More]

const rates: readonly Trial[] = [
  ['rpm of a key', { key_alias: 'rpm', rpm_limit: 2 }],
  ['tpm of a key', { key_alias: 'tpm', tpm_limit: 5 }],
  ['rpm of a user', { user_id: 'carl' }, { model: 'echo' }],
  ['tpm of a team', { team_id: 'red' }],
  ['rpm of a model', { key_alias: 'model', model_rpm_limit: { echo: 1 } }, { model: 'echo' }],
]

const budgets: readonly Trial[] = [
  ['of a key', { key_alias: 'two dollars', max_budget: 2 }],
  ['with a name, of a key', { key_alias: 'starter', budget_id: 'starter' }],
  ['of a model', { key_alias: 'dear', model_max_budget: { small: { budget_limit: 1, time_period: '30d' } } }],
  ['of a user', { user_id: 'ada' }],
  ['of a customer', { key_alias: 'for the shop' }, { user: 'shop' }],
  ['of a tag', { key_alias: 'nights' }, { metadata: { tags: ['nightly'] } }],
  ['of a deployment', { key_alias: 'trial' }, { model: 'trial' }],
  ['of a provider', { key_alias: 'rented' }, { model: 'rented' }],
]

/** One is part of the next. */
const nested: readonly Trial[] = [
  ['of a member of a team', { user_id: 'bob', team_id: 'blue' }],
  ['of the team', { team_id: 'blue' }],
  ['of its organization', { organization_id: 'acme' }],
]

/** Runs into every limit there is. */
export async function limits(): Promise<void> {
  heading('Limits')
  await runAll(rates)
  tell('and with another key of the user', await outcomeOf(sayHi(await newKey({ user_id: 'carl' }), { model: 'echo' })))
  await parallel()
  await headers()

  heading('Budgets')
  await runAll(budgets)
  for (const [limit, key, more] of nested) tell(limit, await run(await newKey(key), more))
  const soft = await newKey({ key_alias: 'soft', soft_budget: 0.5 })
  tell('a soft one', [await outcomeOf(sayHi(soft)), await outcomeOf(sayHi(soft))])
}

/** The budget of the file that is for all calls together; afterwards nobody may call a model. */
export async function wholeGateway(): Promise<void> {
  heading('The budget of the whole gateway')
  tell('a key without a budget', await run(await newKey({ key_alias: 'last' }), { model: 'large' }))
  tell('the master key', await outcomeOf(sayHi(admin)))
  tell('what asks no model', await outcomeOf(admin.get('/v1/models')))
}

/** At once, for none has to do with another. */
async function runAll(trials: readonly Trial[]): Promise<void> {
  const outcomes = await Promise.all(trials.map(async ([, key, more]) => run(await newKey(key), more)))
  for (const [index, [limit]] of trials.entries()) tell(limit, outcomes[index])
}

/** Calls until it is refused, each time after the last call was written down, and says how often that was. */
async function run(client: OpenAI, more: More = {}): Promise<string> {
  for (let calls = 0; calls < 10; calls++) {
    const outcome = await outcomeOf(sayHi(client, more))
    if (outcome !== '200') return `${calls} x 200, ${outcome}`
    await until(async () => (await callsOf(client)) > calls)
  }
  return '10 x 200'
}

async function parallel(): Promise<void> {
  const client = await newKey({ key_alias: 'one at a time', max_parallel_requests: 1 })
  const stream = await client.chat.completions.create({
    model: 'slow',
    messages: [{ role: 'user', content: 'hi' }],
    stream: true,
  })
  tell('while a call is under way', await outcomeOf(sayHi(client, { model: 'echo' })))
  stream.controller.abort()
  await until(async () => (await outcomeOf(sayHi(client, { model: 'echo' }))) === '200')
  await until(async () => (await callsOf(client)) === 2)
  tell('and once it is over', '200')
}

async function headers(): Promise<void> {
  const client = await newKey({ key_alias: 'told', rpm_limit: 10, tpm_limit: 600, max_budget: 1 })
  const told = (names: readonly string[], { headers }: { readonly headers: Headers }): Facts =>
    Object.fromEntries(names.map((name) => [name, headers.get(name)]))
  const question = { model: 'small', messages: [{ role: 'user' as const, content: 'hi' }] }
  const { response } = await client.chat.completions.create(question).withResponse()
  const left = ['requests', 'tokens'].flatMap((what) => [`x-ratelimit-limit-${what}`, `x-ratelimit-remaining-${what}`])
  tell('what an answer tells', told(left, response))
  await until(
    async () => (await get<{ info: { spend: number } }>('/key/info', { key: client.apiKey })).info.spend === 1,
  )
  const refused = await client.chat.completions.create(question).then(
    () => undefined,
    (error: { readonly headers: Headers }) => error,
  )
  tell('what a refusal tells', refused && told(['x-should-retry', 'retry-after'], refused))
}
