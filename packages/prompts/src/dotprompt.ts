import { GatewayError, isJsonObject, type JsonObject } from '@tianjillm/core'
import { parse } from 'yaml'
import { type Prompt, type PromptMessage, readPrompt } from './prompt.ts'
import { parseTemplate } from './template.ts'

/** Letters that a `.prompt` file may have. */
const LONGEST_FILE = 256 * 1024

/** What begins a message, and whose it is. */
const turns: readonly (readonly [prefix: string, role: PromptMessage['role']])[] = [
  ['system:', 'system'],
  ['user:', 'user'],
  ['assistant:', 'assistant'],
]

/** Fields of the front matter that are no parameters of a request. https://google.github.io/dotprompt/reference/frontmatter/ */
const ownFields = new Set([
  'config',
  'description',
  'input',
  'metadata',
  'model',
  'name',
  'output',
  'prompt_id',
  'variant',
])

/**
 * A prompt out of the text of a `.prompt` file: YAML between two lines `---`, then turns that begin with `System:`,
 * `User:` and `Assistant:`, or one text. Of templates only `{{name}}` is understood; what else stands in braces is an
 * error, for it would be sent as it is. Throws GatewayError `misconfigured`.
 */
export function parseDotprompt(text: string): Prompt {
  if (text.length > LONGEST_FILE) throw faulty(`it has more than ${LONGEST_FILE} letters`)
  const [front, body] = divide(text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n'))
  return dotpromptOf(body, front === undefined ? {} : frontMatter(front))
}

/** The same from its two parts. */
export function dotpromptOf(body: string, front: JsonObject): Prompt {
  demandPlain(body)
  const messages = messagesIn(body)
  const { config, input, model } = front
  const parameters = {
    ...(isJsonObject(config) && config),
    ...Object.fromEntries(Object.entries(front).filter(([name]) => !ownFields.has(name))),
  }
  try {
    return readPrompt({
      ...(messages === undefined ? { template: body.trim() } : { messages }),
      ...(isJsonObject(input) && { variables: variablesIn(input) }),
      ...(typeof model === 'string' && { model }),
      ...(Object.keys(parameters).length > 0 && { parameters }),
    })
  } catch (cause) {
    throw faulty(cause instanceof GatewayError ? cause.message : 'it cannot be read', cause)
  }
}

function divide(text: string): readonly [front: string | undefined, body: string] {
  if (!text.startsWith('---\n')) return [undefined, text]
  // The front matter may be empty.
  const end = text.startsWith('---\n', 4) || text.slice(4) === '---' ? 3 : text.indexOf('\n---\n', 3)
  if (end !== -1) return [text.slice(4, end + 1), text.slice(end + 5)]
  if (text.endsWith('\n---')) return [text.slice(4, -4), '']
  throw faulty('its front matter has no end')
}

function frontMatter(text: string): JsonObject {
  let value: unknown
  try {
    value = parse(text, { maxAliasCount: 20, logLevel: 'error' })
  } catch (cause) {
    throw faulty(
      `its front matter is not YAML: ${cause instanceof Error ? cause.message.split('\n', 1)[0] : ''}`,
      cause,
    )
  }
  if (value === null || value === undefined) return {}
  if (isJsonObject(value)) return value
  throw faulty('its front matter is not a map')
}

/** Undefined when no line begins a message. What stands before the first turn is the user's. */
function messagesIn(body: string): readonly PromptMessage[] | undefined {
  const messages: { readonly role: PromptMessage['role']; readonly lines: string[] }[] = [{ role: 'user', lines: [] }]
  for (const line of body.split('\n')) {
    const [prefix, role] = turns.find(([start]) => line.slice(0, start.length).toLowerCase() === start) ?? []
    if (prefix === undefined || role === undefined) messages.at(-1)!.lines.push(line)
    else messages.push({ role, lines: [line.slice(prefix.length)] })
  }
  if (messages.length === 1) return undefined
  const texts = messages.map(({ role, lines }) => ({ role, content: lines.join('\n').trim() }))
  return texts.filter(({ content }, index) => index > 0 || content !== '')
}

/** Types that dotprompt has and variables do not: nothing is said of them. */
function variablesIn({ schema, default: defaults }: JsonObject): JsonObject {
  const declared = Object.entries(isJsonObject(schema) ? schema : {}).map(([name, said]) => {
    const [type = '', ...words] = typeof said === 'string' ? said.split(',') : []
    const description = words.join(',').trim()
    const known = ['string', 'number', 'integer', 'float', 'boolean'].includes(type.trim()) ? type.trim() : 'any'
    return [name, { type: known, ...(description !== '' && { description }) }] as const
  })
  const variables = new Map<string, JsonObject>(declared)
  for (const [name, value] of Object.entries(isJsonObject(defaults) ? defaults : {})) {
    const written = variables.has(`${name}?`) ? `${name}?` : name
    variables.set(written, { ...variables.get(written), default: value })
  }
  return Object.fromEntries(variables)
}

function demandPlain(body: string): void {
  const strange = body.includes('{%') ? '{%' : commentIn(body) ? '{#' : undefined
  if (strange !== undefined) throw faulty(`it has "${strange}"; only {{name}} is understood`)
  for (const text of parseTemplate(body).texts) {
    const start = text.indexOf('{{')
    const end = text.indexOf('}}', start)
    if (start !== -1 && end !== -1)
      throw faulty(`it has "${text.slice(start, end + 2).slice(0, 60)}"; only {{name}} is understood`)
  }
}

function commentIn(body: string): boolean {
  const start = body.indexOf('{#')
  return start !== -1 && body.includes('#}', start)
}

function faulty(reason: string, cause?: unknown): GatewayError {
  return new GatewayError('misconfigured', `The .prompt file cannot be used: ${reason.replace(/\.$/, '')}.`, { cause })
}
