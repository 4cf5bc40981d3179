import type { Outcome, VendorName } from './behaviours.ts'
import { chance, choose } from './chance.ts'
import { MASTER_KEY } from './gateway-config.ts'

/** What the guardrail masks; no vendor may see it. */
export const SECRET = 'ann@example.com'

/** One call a client makes. */
export interface PlannedCall {
  readonly kind: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
  readonly isStream: boolean
  /** Who may be asked; the outcome is theirs unless `outcome` is known. */
  readonly vendors: readonly VendorName[]
  readonly outcome?: Outcome
  /** Whether it is refused before it becomes a call, so that no callback hears of it. */
  readonly isRefused: boolean
  readonly leaves: { readonly afterTime?: number; readonly afterPieces?: number }
  readonly keepsAlive: boolean
}

interface Kind {
  readonly name: string
  readonly weight: number
  plan(id: string, draw: (what: string) => number): Partial<PlannedCall> & Pick<PlannedCall, 'body'>
}

const group: readonly VendorName[] = ['east', 'west']
/** An HTTP answer without a code of its own. */
const INVALID = '400 null'

const kinds: readonly Kind[] = [
  { name: 'chat', weight: 25, plan: chat },
  { name: 'stream', weight: 25, plan: (id, draw) => streamed(chat(id, draw)) },
  {
    name: 'stream left after a few pieces',
    weight: 10,
    plan: (id, draw) => ({ ...streamed(chat(id, draw)), leaves: { afterPieces: 1 + Math.floor(draw('pieces') * 4) } }),
  },
  {
    name: 'chat left while waiting',
    weight: 8,
    plan: (id, draw) => ({ ...chat(id, draw), leaves: { afterTime: draw('time') * 60 } }),
  },
  {
    name: 'embedding',
    weight: 12,
    plan: (id) => ({ path: '/v1/embeddings', body: JSON.stringify({ model: 'gpt', input: id }), vendors: group }),
  },
  { name: 'image edit', weight: 6, plan: imageEdit },
  {
    name: 'upload left half-way',
    weight: 3,
    plan: (id, draw) => {
      const { headers, ...rest } = imageEdit(id)
      const leaves = { afterTime: draw('time') * 60 }
      return { ...rest, headers: { ...headers, 'content-length': '100000' }, leaves, isRefused: true }
    },
  },
  {
    name: 'blocked by the guardrail',
    weight: 3,
    plan: (id) => ({ body: chatBody('gpt', `${id} forbidden`), outcome: '400 guardrail_blocked' }),
  },
  {
    name: 'unknown model',
    weight: 2,
    plan: (id) => ({ body: chatBody('unknown', id), outcome: '404 model_not_found' }),
  },
  { name: 'bad JSON', weight: 3, plan: (id) => ({ body: `{"model": "${id}`, outcome: INVALID, isRefused: true }) },
  { name: 'no messages', weight: 2, plan: () => ({ body: '{"model":"gpt"}', outcome: INVALID, isRefused: true }) },
  {
    name: 'wrong key',
    weight: 2,
    plan: (id) => ({
      headers: { authorization: 'Bearer wrong', 'content-type': 'application/json' },
      body: chatBody('gpt', id),
      outcome: '401 invalid_api_key',
      isRefused: true,
    }),
  },
  {
    name: 'unknown route',
    weight: 2,
    plan: () => ({ path: '/v1/nowhere', body: '{}', outcome: '404 not_found', isRefused: true }),
  },
]

/** The call of this id: always the same. */
export function planCall(seed: string, id: string): PlannedCall {
  const draw = (what: string) => chance(seed, id, what)
  const kind = choose(kinds, draw('kind'))
  const planned = kind.plan(id, draw)
  return {
    kind: kind.name,
    path: '/v1/chat/completions',
    isStream: false,
    vendors: [],
    isRefused: false,
    leaves: {},
    keepsAlive: draw('keep-alive') < 0.9,
    ...planned,
    headers: {
      authorization: `Bearer ${MASTER_KEY}`,
      'content-type': 'application/json',
      ...planned.headers,
      'x-request-id': id,
    },
  }
}

function chat(id: string, draw: (what: string) => number) {
  const isClaude = draw('model') < 0.3
  // Some are handed on as they are, some are written anew, some take several packets.
  const secret = draw('secret') < 0.5 ? ` Write to ${SECRET}.` : ''
  const padding = 'rain '.repeat(draw('size') ** 4 * 20_000)
  const vendors: readonly VendorName[] = isClaude ? ['claude'] : group
  return { body: chatBody(isClaude ? 'claude' : 'gpt', `${id}${secret} ${padding}`), vendors }
}

function chatBody(model: string, content: string): string {
  return JSON.stringify({ model, messages: [{ role: 'user', content }] })
}

function streamed<Plan extends { readonly body: string }>(plan: Plan) {
  return { ...plan, body: plan.body.replace('{', '{"stream":true,'), isStream: true }
}

const PNG = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(50_000, 7)])

function imageEdit(id: string) {
  const part = (name: string, more = '') => `--soak\r\ncontent-disposition: form-data; name="${name}"${more}\r\n`
  const fields = `${part('model')}\r\ngpt\r\n${part('prompt')}\r\n${id}\r\n`
  const file = `${part('image', '; filename="a.png"')}content-type: image/png\r\n\r\n`
  return {
    path: '/v1/images/edits',
    headers: { 'content-type': 'multipart/form-data; boundary=soak' },
    body: Buffer.concat([Buffer.from(fields + file), PNG, Buffer.from('\r\n--soak--\r\n')]),
    vendors: group,
  }
}
