import {
  type ApiOptions,
  apiOptions,
  defineProvider,
  type Host,
  type Provider,
  type ProviderPlugin,
  requiredKey,
  serverSentJson,
  setting,
  trimSlash,
  type UpstreamRequest,
} from '@tianjillm/core'
import {
  bareModel,
  chatParameters,
  embedCall,
  embeddingParameters,
  generateContentBody,
  googleFault,
  imageContentBody,
  imagenBody,
  imageParameters,
  imageSplit,
  isImagen,
  readChunks,
  readCompletion,
  readEmbeddings,
  readImageContent,
  readImagen,
} from '@tianjillm/gemini-content'
import * as v from 'valibot'

const name = 'gemini'
const env = ['GEMINI_API_KEY', 'GOOGLE_API_KEY']

/** Google's Gemini and Imagen models by an API key of Google AI Studio. https://ai.google.dev/api */
export const gemini: ProviderPlugin<ApiOptions> = defineProvider({
  name,
  title: 'Google Gemini',
  docs: 'https://ai.google.dev/api',
  env,
  options: v.object(apiOptions),
  create(options: ApiOptions, host: Host): Provider {
    const base = trimSlash(
      setting(options.apiBase, host, 'GEMINI_API_BASE') ?? 'https://generativelanguage.googleapis.com/v1beta',
    )
    const headers = {
      'x-goog-api-key': requiredKey(name, options.apiKey, host, ...env),
      'content-type': 'application/json',
    }
    const post = (model: string, method: string, body: object): UpstreamRequest => ({
      method: 'POST',
      url: `${base}/models/${encodeURIComponent(bareModel(model))}:${method}`,
      headers,
      body: JSON.stringify(body),
    })
    return {
      chat: {
        supports: chatParameters,
        request: (input) =>
          post(
            input.model,
            input.stream ? 'streamGenerateContent?alt=sse' : 'generateContent',
            generateContentBody(input),
          ),
        response: async (reply, call) => readCompletion(name, await reply.json(), call),
        stream: (reply, call) => readChunks(name, serverSentJson(reply.body), call),
      },
      embedding: {
        supports: embeddingParameters,
        request: (input) => {
          const { method, body } = embedCall(input)
          return post(input.model, method, body)
        },
        response: async (reply, _call, input) => readEmbeddings(name, await reply.json(), input),
      },
      image: {
        supports: imageParameters,
        split: imageSplit,
        request: (input) =>
          isImagen(input.model)
            ? post(input.model, 'predict', imagenBody(input))
            : post(input.model, 'generateContent', imageContentBody(input)),
        response: async (reply, call, input) =>
          (isImagen(input.model) ? readImagen : readImageContent)(name, await reply.json(), call, input),
      },
      fault: googleFault,
    }
  },
})
