import type { JsonObject } from '@tianjillm/core'
import type { Arrived, Scripted } from '@tianjillm/testing'

/** A call as a model makes it: the tool's name, and its arguments as an object or as a text. */
export type Called = readonly [name: string, given?: object | string]

/** What a scripted model does in one turn: it says something, calls tools, or both. */
export interface Scene {
  readonly says?: string
  readonly calls?: readonly Called[]
  readonly finish?: string
}

/** Answers of a model of OpenAI's wire, whole or streamed as each request wants it. */
export function model(scene: Scene): (request: Arrived) => Scripted {
  return ({ text }) => (asked(text).stream === true ? streamed(scene) : { body: whole(scene) })
}

/** A request as a vendor got it. */
export interface AskedOfModel extends JsonObject {
  readonly messages: readonly JsonObject[]
  readonly tools?: readonly { readonly function: { readonly name: string } }[]
}

export function asked(text: string): AskedOfModel {
  return JSON.parse(text)
}

const head = { created: 1, model: 'gpt-4o' }
const usage = { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 }
let count = 0

function callsOf({ calls = [] }: Scene) {
  return calls.map(([name, given = {}], index) => ({
    id: `call_${count}_${index}`,
    type: 'function',
    function: { name, arguments: typeof given === 'string' ? given : JSON.stringify(given) },
  }))
}

function finishOf({ calls, finish = calls ? 'tool_calls' : 'stop' }: Scene): string {
  return finish
}

function whole(scene: Scene): JsonObject {
  count++
  const calls = callsOf(scene)
  const message = { role: 'assistant', content: scene.says ?? null, ...(calls.length > 0 && { tool_calls: calls }) }
  const choices = [{ index: 0, message, finish_reason: finishOf(scene) }]
  return { id: `chatcmpl-${count}`, object: 'chat.completion', ...head, choices, usage }
}

/** Word by word, and the arguments of calls in halves. */
function streamed(scene: Scene): Scripted {
  count++
  const chunk = (delta: object, finish_reason: string | null = null) => ({
    ...{ id: `chatcmpl-${count}`, object: 'chat.completion.chunk', ...head },
    choices: [{ index: 0, delta, finish_reason }],
  })
  const calls = callsOf(scene).flatMap(({ function: { name, arguments: given }, ...call }, index) => {
    const middle = Math.ceil(given.length / 2)
    return [
      { index, ...call, function: { name, arguments: given.slice(0, middle) } },
      { index, function: { arguments: given.slice(middle) } },
    ]
  })
  const events = [
    chunk({ role: 'assistant', content: '' }),
    ...(scene.says?.match(/\S+\s*/g) ?? []).map((content) => chunk({ content })),
    ...calls.map((call) => chunk({ tool_calls: [call] })),
    chunk({}, finishOf(scene)),
    { ...chunk({}), choices: [], usage },
  ]
  const pieces = [...events.map((event) => `data: ${JSON.stringify(event)}\n\n`), 'data: [DONE]\n\n']
  return { headers: { 'content-type': 'text/event-stream' }, pieces }
}
