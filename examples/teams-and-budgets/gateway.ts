// The gateway as its users have it: OpenAI's client for models, and the same client for the routes beside them.
import { setTimeout as sleep } from 'node:timers/promises'
import OpenAI, { APIError } from 'openai'

/** OpenAI's client with a key of the gateway. It asks once, for what is refused shall be seen. */
export function clientOf(apiKey: string): OpenAI {
  return new OpenAI({ baseURL: process.env.BASE_URL ?? 'http://127.0.0.1:4000', apiKey, maxRetries: 0 })
}

export const admin: OpenAI = clientOf(process.env.TIANJI_MASTER_KEY ?? 'none')

/** What is told of keys, people and whatever else is managed. */
export type Facts = Readonly<Record<string, unknown>>

/** Changes something in the name of the admin, or of somebody else. */
export function post<Answer = Facts>(path: string, body: object, client: OpenAI = admin): Promise<Answer> {
  return client.post(path, { body })
}

/** Looks at something. */
export function get<Answer = Facts>(path: string, query: object = {}, client: OpenAI = admin): Promise<Answer> {
  return client.get(path, { query })
}

/** Makes a key, and gives a client that has it. */
export async function newKey(fields: object): Promise<OpenAI> {
  const { key } = await post<{ readonly key: string }>('/key/generate', fields)
  return clientOf(key)
}

/** Fields of a request besides the question; some are none of OpenAI's. */
export type More = Readonly<Record<string, unknown>>

/** Says hi, which costs a dollar with the model `small`. */
export function sayHi(client: OpenAI, more: More = {}): Promise<OpenAI.ChatCompletion> {
  return client.chat.completions.create({ model: 'small', messages: [{ role: 'user', content: 'hi' }], ...more })
}

/** What becomes of a request: `200`, or the status, code and message of its refusal. */
export async function outcomeOf(request: PromiseLike<unknown>): Promise<string> {
  try {
    await request
    return '200'
  } catch (error) {
    if (!(error instanceof APIError)) throw error
    const { message } = error.error as { readonly message: string }
    return `${error.status} ${error.code ?? error.type}: ${steady(message)}`
  }
}

/** The same every time: without what chance and clocks have a part in. */
function steady(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/in \d+ s\b/g, 'in <some> s')
    .replaceAll(/[0-9a-f]{64}/g, '<hash>')
}

/** Resolves when it is so. Answers are written down a moment after they were given. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`It never was so: ${isSo}`)
    await sleep(100)
  }
}

/** How many calls of a key, or of all, are written down. */
export async function callsOf(client?: OpenAI): Promise<number> {
  const { total } = await get<{ readonly total: number }>('/spend/logs', client && { api_key: client.apiKey })
  return total
}

export function heading(text: string): void {
  console.log(`\n# ${text}`)
}

/** Prints a step and what came of it. */
export function tell(step: string, result: unknown): void {
  console.log(`${step.padEnd(34)} ${typeof result === 'string' ? result : JSON.stringify(result)}`)
}
