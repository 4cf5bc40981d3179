import { JsonBody } from '../../apps/gateway/src/http/json-body.ts'
import { parseRequest, readRequest } from '../../apps/gateway/src/http/requests.ts'
import type { Stage } from './measure.ts'
import { chatRequest } from './samples.ts'

const facts = { operation: 'chat' } as const
const sizes = [
  { title: '300 B', body: chatRequest(300) },
  { title: '8 KiB', body: chatRequest(8 * 1024) },
  { title: '100 KiB', body: chatRequest(100 * 1024) },
]
/** Its schema has a `model` of its own, so that the right one has to be searched for. */
const tool = { type: 'function', function: { name: 'rent', parameters: { properties: { model: { type: 'string' } } } } }
const doubled = chatRequest(8 * 1024, { tools: [tool] })

/** From the body's last byte to the engine, and what the engine does with the bytes. */
export const stages: readonly Stage[] = [
  ...sizes.map(({ title, body }) => ({
    name: `parse and check a request, ${title}`,
    run: () => readRequest(facts, parseRequest(facts.operation, body, 'application/json')),
  })),
  ...sizes.map(({ title, body }) => splice(title, body)),
  splice('8 KiB with another "model" in it', doubled),
]

function splice(title: string, body: Buffer): Stage {
  const json = new JsonBody(body, true)
  return { name: `put another model in, ${title}`, run: () => json.withModel('gpt-5-2026') }
}
