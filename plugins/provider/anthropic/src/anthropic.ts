import {
  checkedEvents,
  messagesEvents,
  messagesParameters,
  readMessagesFault,
  readMessagesResponse,
  readMessagesStream,
  writeMessagesRequest,
} from '@tianjillm/anthropic-messages'
import {
  type ApiOptions,
  apiOptions,
  type Call,
  defineProvider,
  type Host,
  type JsonObject,
  type Provider,
  type ProviderPlugin,
  requiredKey,
  setting,
  trimSlash,
  type UpstreamRequest,
} from '@tianjillm/core'
import * as v from 'valibot'

/** Options of Anthropic. */
export interface AnthropicOptions extends ApiOptions {
  /** Sent as `anthropic-version`. Default: 2023-06-01, because later ones refuse `temperature` and its kin. */
  readonly anthropicVersion?: string | undefined
  /** Sent as `anthropic-beta`: a list, or one text with commas. */
  readonly anthropicBeta?: string | readonly string[] | undefined
}

/** From this version on, sampling parameters are answered with 400. https://platform.claude.com/docs/en/api/versioning */
const FIRST_WITHOUT_SAMPLING = '2026-10-21'
const samplingParameters = ['temperature', 'top_p']

/** Anthropic's Claude, by way of its Messages API. https://platform.claude.com/docs/en/api/messages */
export const anthropic: ProviderPlugin<AnthropicOptions> = defineProvider({
  name: 'anthropic',
  title: 'Anthropic',
  docs: 'https://platform.claude.com/docs/en/api/messages',
  env: ['ANTHROPIC_API_KEY'],
  options: v.object({
    ...apiOptions,
    anthropicVersion: v.optional(v.string()),
    anthropicBeta: v.optional(v.union([v.string(), v.array(v.string())])),
  }),
  create(options: AnthropicOptions, host: Host): Provider {
    const version = options.anthropicVersion ?? '2023-06-01'
    const beta = [options.anthropicBeta ?? []].flat().join(',')
    const headers = {
      'x-api-key': requiredKey('anthropic', options.apiKey, host, 'ANTHROPIC_API_KEY'),
      'anthropic-version': version,
      ...(beta && { 'anthropic-beta': beta }),
    }
    const url = `${baseOf(options, host)}/v1/messages`
    const post = (body: JsonObject): UpstreamRequest => ({
      method: 'POST',
      url,
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return {
      chat: {
        supports: messagesParameters.filter(
          (name) => version < FIRST_WITHOUT_SAMPLING || !samplingParameters.includes(name),
        ),
        request: (input) => post(writeMessagesRequest(input)),
        response: async (reply, call) => readMessagesResponse(await reply.json(), reading(call)),
        stream: (reply, call) => readMessagesStream(messagesEvents(reply.body), reading(call)),
      },
      messages: {
        passthrough: () => ({ url, headers, direction: 'both' }),
        request: post,
        response: (reply) => reply.json(),
        stream: (reply, call) => checkedEvents(messagesEvents(reply.body), reading(call)),
      },
      fault: readMessagesFault,
    }
  },
})

/** Some write the base with the path that others leave to us. */
function baseOf(options: AnthropicOptions, host: Host): string {
  const base = setting(options.apiBase, host, 'ANTHROPIC_API_BASE', 'ANTHROPIC_BASE_URL')
  return trimSlash(base ?? 'https://api.anthropic.com').replace(/\/v1(\/messages)?$/, '')
}

function reading(call: Call) {
  return { provider: 'anthropic', now: call.now() }
}
