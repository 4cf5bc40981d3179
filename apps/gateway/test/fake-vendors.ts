import { type Arrived, type FakeUpstream, redirectedFetch, type Scripted } from '@tianjillm/testing'
import { vi } from 'vitest'

/** What all fake vendors say. */
export const ANSWER = 'Hello from the vendor.'

const openai: Scripted = {
  body: {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: ANSWER }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 },
  },
}

/** Answers by the ends of paths, for vendors of every wire a configuration may name. */
const answers: readonly (readonly [path: RegExp, answer: Scripted])[] = [
  [/\/chat\/completions$/, openai],
  [
    /\/messages$/,
    {
      body: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'm',
        content: [{ type: 'text', text: ANSWER }],
        stop_reason: 'end_turn',
        usage: { input_tokens: 3, output_tokens: 5 },
      },
    },
  ],
  [
    /:generateContent/,
    { body: { candidates: [{ content: { role: 'model', parts: [{ text: ANSWER }] }, finishReason: 'STOP' }] } },
  ],
  [
    /\/converse$/,
    {
      body: {
        output: { message: { role: 'assistant', content: [{ text: ANSWER }] } },
        stopReason: 'end_turn',
        usage: { inputTokens: 3, outputTokens: 5, totalTokens: 8 },
      },
    },
  ],
  [/\/v2\/guard/, { body: { flagged: false, payload: [], breakdown: [] } }],
  [/\/ingestion$/, { status: 207, body: { successes: [], errors: [] } }],
]

/** The answer of whichever vendor a path belongs to. */
export function answerOfVendor({ path }: Arrived): Scripted {
  const [pathname = ''] = path.split('?')
  return answers.find(([end]) => end.test(pathname))?.[1] ?? { status: 404, body: { error: `nothing at ${path}` } }
}

/** Has every request of this process that goes beyond it go to the fake, until globals are unstubbed. */
export function redirectFetch(upstream: FakeUpstream): void {
  const { fetch } = globalThis
  const redirected = redirectedFetch(upstream)
  vi.stubGlobal('fetch', (input: string | URL | Request, init?: RequestInit) => {
    const { hostname } = new URL(input instanceof Request ? input.url : input)
    return hostname === '127.0.0.1' ? fetch(input, init) : redirected(input, init)
  })
}
