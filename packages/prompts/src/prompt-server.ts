import {
  type Call,
  GatewayError,
  inTime,
  isJsonObject,
  type JsonObject,
  parseJson,
  putLatest,
  trimSlash,
} from '@tianjillm/core'
import type { Prompt } from './prompt.ts'
import { promptFrom, type Source } from './source.ts'

/** Milliseconds that a server of prompts may take, and for which its answer holds. */
const TIMEOUT = 10_000
const LIFE = 60_000
/** Answers that are kept, and bytes of one. */
const MOST_KNOWN = 500
const LARGEST_ANSWER = 1024 * 1024

const NAME = 'generic_prompt_management'

/** A server that prompts are asked of over HTTP. */
export interface PromptServer {
  readonly apiBase: string
  readonly apiKey?: string | undefined
  /** Added to the query. */
  readonly query?: Readonly<Record<string, string>> | undefined
}

/**
 * Prompts of a server that speaks LiteLLM's generic prompt management; what it gave holds for a minute.
 * https://docs.litellm.ai/docs/adding_provider/generic_prompt_management_api
 */
export function serverSource(server: PromptServer): Source {
  const known = new Map<string, { readonly prompt: Prompt; readonly until: number }>()
  return {
    async find(id, { version, label }, call) {
      const query = new URLSearchParams({
        ...server.query,
        prompt_id: id,
        ...(version !== undefined && { prompt_version: String(version) }),
        ...(label !== undefined && { prompt_label: label }),
      })
      const url = `${trimSlash(server.apiBase)}/beta/litellm_prompt_management?${query}`
      const before = known.get(url)
      if (before !== undefined && before.until > call.now()) return before.prompt
      const found = await inTime(TIMEOUT, (signal) => ask(call, url, server.apiKey, signal)).catch(unreachable)
      if (found === undefined) return undefined
      const prompt = promptFrom(NAME, found)
      putLatest(known, url, { prompt, until: call.now() + LIFE }, MOST_KNOWN)
      return prompt
    },
  }
}

async function ask(
  { fetch }: Call,
  url: string,
  apiKey: string | undefined,
  signal: AbortSignal,
): Promise<JsonObject | undefined> {
  const headers = { accept: 'application/json', ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }) }
  const response = await fetch(url, { headers, signal, redirect: 'error' })
  if (response.status === 404) return undefined
  if (!response.ok)
    throw new GatewayError('upstream_error', `${NAME}: the server of prompts answered ${response.status}.`, {
      provider: NAME,
      upstreamStatus: response.status,
    })
  const text = await response.text()
  const answer = text.length > LARGEST_ANSWER ? undefined : parseJson(text)
  if (!isJsonObject(answer) || !Array.isArray(answer.prompt_template))
    throw new GatewayError('upstream_invalid_response', `${NAME}: the server of prompts answered without a prompt.`, {
      provider: NAME,
    })
  const { prompt_template_model: model, prompt_template_optional_params: parameters } = answer
  return {
    messages: answer.prompt_template.map(doubled),
    ...(typeof model === 'string' && { model }),
    ...(isJsonObject(parameters) && { parameters }),
  }
}

/** Its `{name}` as our `{{name}}`, which it may have too. */
function doubled(message: unknown): unknown {
  if (!isJsonObject(message) || typeof message.content !== 'string') return message
  const content = message.content.replace(/(?<!\{)\{([\p{L}_][\p{L}\p{N}_]{0,127})\}(?!\})/gu, '{{$1}}')
  return { ...message, content }
}

function unreachable(cause: unknown): never {
  if (cause instanceof GatewayError && cause.kind !== 'upstream_timeout') throw cause
  const isSlow = cause instanceof GatewayError
  throw new GatewayError(
    isSlow ? 'upstream_timeout' : 'upstream_unreachable',
    `${NAME}: ${isSlow ? cause.message : 'the server of prompts cannot be reached.'}`,
    { provider: NAME, cause },
  )
}
