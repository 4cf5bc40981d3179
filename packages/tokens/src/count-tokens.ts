import { isJsonObject, type JsonObject } from '@tianjillm/core'
import { formatFunctionDefinitions } from 'gpt-tokenizer/functionCalling'
import { countTexts } from './count-texts.ts'

/**
 * Tokens around what a chat says: each message, its name, each call of a tool in it, the answer's beginning, and tools,
 * which are described in fewer words where there is a system message.
 * https://github.com/openai/openai-cookbook/blob/main/examples/How_to_count_tokens_with_tiktoken.ipynb
 */
const MESSAGE = 3
const NAME = 1
const CALL = 3
const ANSWER = 3
const TOOLS = 9
const TOOLS_BESIDE_SYSTEM = -4

/**
 * Tokens of an image, whose size nobody looks at: as OpenAI counts one of low detail, and one of 1024 by 1024 pixels.
 * https://platform.openai.com/docs/guides/images-vision
 */
const LOW_IMAGE = 85
const IMAGE = 765

/** Parts of parts that are looked into. */
const DEEPEST = 8

/** What a request says: texts to be counted, and tokens that are known. */
interface Load {
  readonly texts: string[]
  tokens: number
}

/**
 * Tokens of a request: chats (`messages`), completions (`prompt`), embeddings (`input`), Anthropic's messages
 * (`system`), Google's (`contents`), with their `tools`. Exact for OpenAI's newer models as far as they tell how they
 * count, an estimate for all others. Images count by a rule; sound and files do not count.
 */
export async function countTokens(request: JsonObject): Promise<number> {
  const load: Load = { texts: [], tokens: 0 }
  const messages = [request.messages, request.contents].find(Array.isArray) as readonly unknown[] | undefined
  addContent(load, request.system)
  addContent(load, request.prompt)
  addContent(load, request.input)
  for (const message of messages ?? []) addMessage(load, message)
  if (messages !== undefined) load.tokens += ANSWER
  const hasSystem = request.system !== undefined || messages?.some((one) => isJsonObject(one) && one.role === 'system')
  addTools(load, request.tools ?? request.functions, hasSystem === true)
  return load.tokens + (await countTexts(load.texts))
}

function addMessage(load: Load, message: unknown): void {
  if (!isJsonObject(message)) return
  load.tokens += MESSAGE
  addText(load, message.role)
  if (typeof message.name === 'string') load.tokens += NAME
  addText(load, message.name)
  addContent(load, message.content ?? message.parts)
  addText(load, message.reasoning_content)
  for (const call of Array.isArray(message.tool_calls) ? message.tool_calls : [])
    if (isJsonObject(call)) addCall(load, call.function)
  addCall(load, message.function_call)
}

function addCall(load: Load, called: unknown): void {
  if (!isJsonObject(called)) return
  load.tokens += CALL
  addText(load, called.name)
  addText(load, called.arguments)
}

/** A text, a token, a part, or a list of them. */
function addContent(load: Load, content: unknown, depth = 0): void {
  if (typeof content === 'string') load.texts.push(content)
  else if (typeof content === 'number') load.tokens++
  else if (depth === DEEPEST) return
  else if (Array.isArray(content)) for (const item of content) addContent(load, item, depth + 1)
  else if (isJsonObject(content)) addPart(load, content, depth)
}

function addPart(load: Load, part: JsonObject, depth: number): void {
  if (isImage(part)) load.tokens += detailOf(part) === 'low' ? LOW_IMAGE : IMAGE
  addText(load, part.text)
  addText(load, part.thinking)
  if (part.type === 'tool_use') addCall(load, { name: part.name, arguments: written(part.input) })
  addContent(load, part.content, depth + 1)
}

function isImage({ type, inline_data, inlineData }: JsonObject): boolean {
  return type === 'image_url' || type === 'image' || type === 'input_image' || Boolean(inline_data ?? inlineData)
}

function detailOf({ image_url, detail }: JsonObject): unknown {
  return isJsonObject(image_url) ? image_url.detail : detail
}

/** Models are told of tools in words like those of TypeScript. */
function addTools(load: Load, tools: unknown, hasSystem: boolean): void {
  if (!Array.isArray(tools) || tools.length === 0) return
  load.tokens += TOOLS + (hasSystem ? TOOLS_BESIDE_SYSTEM : 0)
  load.texts.push(described(tools.map(functionOf)))
}

function functionOf(tool: unknown): JsonObject {
  if (!isJsonObject(tool)) return {}
  if (isJsonObject(tool.function)) return tool.function
  return { ...tool, parameters: tool.parameters ?? tool.input_schema }
}

function described(functions: readonly JsonObject[]): string {
  try {
    // It reads what it understands of them and throws at the rest.
    return formatFunctionDefinitions(functions as unknown as Parameters<typeof formatFunctionDefinitions>[0])
  } catch {
    return written(functions)
  }
}

/** As JSON; nothing where it is nested too deeply to be written. */
function written(value: unknown): string {
  try {
    return JSON.stringify(value) ?? ''
  } catch {
    return ''
  }
}

function addText(load: Load, text: unknown): void {
  if (typeof text === 'string') load.texts.push(text)
}
