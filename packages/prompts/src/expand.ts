import { GatewayError, isJsonObject, type JsonObject, type OperationName } from '@tianjillm/core'
import type { Prompt, PromptMessage } from './prompt.ts'
import { createFill, type Fill } from './template.ts'
import { settle } from './variables.ts'

type Entry = readonly [name: string, value: unknown]

/** Where the filled prompt goes: the fields of a request that it changes, and what they become. */
type Placing = (prompt: Prompt, fill: Fill, input: JsonObject) => readonly Entry[]

/** The operations that prompts are for. */
const placings: Partial<Record<OperationName, Placing>> = {
  chat: (prompt, fill, { messages }) => [
    ['messages', [...filledMessages(prompt, fill), ...listOf('messages', messages)]],
  ],
  messages: placeMessages,
  responses: (prompt, fill, { input }) => [['input', [...filledMessages(prompt, fill), ...inputItems(input)]]],
  completion: (prompt, fill, { prompt: text }) => [['prompt', placeText(prompt, fill, text)]],
}

const promptFields = new Set(['prompt_id', 'prompt_label', 'prompt_name', 'prompt_variables', 'prompt_version'])

/** Whether requests of an operation may name a prompt. */
export function takesPrompts(operation: OperationName): boolean {
  return Object.hasOwn(placings, operation)
}

/**
 * The request as its client would have written it by hand: the prompt's messages before its own, the prompt's model and
 * parameters in place of its own, all in the order of its fields; the fields that name the prompt are gone. Throws
 * GatewayError `invalid_request` that names what is missing or wrong.
 */
export function expand(
  prompt: Prompt,
  operation: OperationName,
  input: JsonObject,
  variables: Readonly<Record<string, unknown>>,
): JsonObject {
  const place = placings[operation]
  if (place === undefined)
    throw new GatewayError('invalid_request', `No prompt can be named for ${operation}.`, { param: 'prompt_id' })
  const placed = new Map(place(prompt, createFill(settle(variables, prompt.variables)), input))
  const changed = new Map([...placed, ...Object.entries(prompt.parameters ?? {})])
  if (prompt.model !== undefined) changed.set('model', prompt.model)
  const before: Entry[] = prompt.model !== undefined && !Object.hasOwn(input, 'model') ? [['model', prompt.model]] : []
  // What the client has no field for stands where it named the prompt.
  const added = [...placed].filter(([name]) => !Object.hasOwn(input, name))
  const written = Object.entries(input).flatMap(([name, value]): readonly Entry[] => {
    if (promptFields.has(name)) return added.splice(0)
    return [[name, changed.has(name) ? changed.get(name) : value]]
  })
  const all = [...before, ...written, ...added]
  const names = new Set(all.map(([name]) => name))
  return Object.fromEntries([...all, ...[...changed].filter(([name]) => !names.has(name))])
}

/** The text or messages of a prompt with the values of a field `variables`. Throws GatewayError `invalid_request`. */
export function resolve(
  prompt: Prompt,
  variables: Readonly<Record<string, unknown>>,
): string | readonly PromptMessage[] {
  const fill = createFill(settle(variables, prompt.variables, 'variables'))
  return prompt.template === undefined ? filledMessages(prompt, fill) : fill(prompt.template)
}

function filledMessages({ template, messages = [] }: Prompt, fill: Fill): readonly PromptMessage[] {
  if (template !== undefined) return [{ role: 'user', content: fill(template) }]
  return messages.map((message) => {
    const { content } = message
    if (typeof content === 'string') return { ...message, content: fill(content) }
    return Array.isArray(content) ? { ...message, content: content.map((part) => filledPart(part, fill)) } : message
  })
}

function filledPart(part: JsonObject, fill: Fill): JsonObject {
  if (typeof part.text === 'string') return { ...part, text: fill(part.text) }
  const { image_url: image } = part
  if (!isJsonObject(image) || typeof image.url !== 'string') return part
  return { ...part, image_url: { ...image, url: fill(image.url) } }
}

function listOf(name: string, value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value
  throw new GatewayError('invalid_request', `\`${name}\` must be a list.`, { param: name })
}

function inputItems(input: unknown): readonly unknown[] {
  return typeof input === 'string' ? [{ role: 'user', content: input }] : listOf('input', input)
}

/** Anthropic has system messages in a field of their own. https://docs.anthropic.com/en/api/messages */
function placeMessages(prompt: Prompt, fill: Fill, { messages, system }: JsonObject): readonly Entry[] {
  const all = filledMessages(prompt, fill)
  const isSystem = ({ role }: PromptMessage) => role === 'system' || role === 'developer'
  const own = all.filter(isSystem).flatMap(({ content }) => textBlocks(content))
  const placed: Entry = ['messages', [...all.filter((message) => !isSystem(message)), ...listOf('messages', messages)]]
  if (own.length === 0) return [placed]
  if (system === undefined || system === null) return [['system', joined(own)], placed]
  if (typeof system === 'string') return [['system', joined([...own, ...textBlocks(system)])], placed]
  return [['system', [...own, ...listOf('system', system)]], placed]
}

function textBlocks(content: PromptMessage['content']): readonly JsonObject[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? [])
}

/** One text where there is nothing else. */
function joined(blocks: readonly JsonObject[]): unknown {
  const isPlain = blocks.every((block) => Object.keys(block).join() === 'type,text')
  return isPlain ? blocks.map(({ text }) => text).join('\n\n') : blocks
}

function placeText({ template }: Prompt, fill: Fill, text: unknown): unknown {
  if (template === undefined)
    throw new GatewayError('invalid_request', 'The prompt consists of messages, and text completions take a text.', {
      param: 'prompt_id',
    })
  const own = fill(template)
  if (text === undefined || text === null) return own
  if (typeof text === 'string') return own + text
  if (Array.isArray(text) && text.every((one) => typeof one === 'string')) return text.map((one) => own + one)
  throw new GatewayError('invalid_request', '`prompt` must be text, or a list of texts, behind a stored prompt.', {
    param: 'prompt',
  })
}
