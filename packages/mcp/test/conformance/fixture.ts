import {
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  inputRequired,
  ResourceNotFoundError,
  Server,
} from '@modelcontextprotocol/server'
import { isJsonObject, type JsonObject } from '@tianjillm/core'
import { answerTo, ask, imageOf, png, textOf, tools } from './tools.ts'

/** Lists of the fixture that the suite has changed. */
export type Changing = 'tools' | 'prompts'

const from = (content: JsonObject): JsonObject => ({ role: 'user', content })
const argument = (name: string): JsonObject => ({ name, required: true })

interface Prompt {
  readonly arguments?: readonly JsonObject[]
  messages(given: JsonObject): readonly JsonObject[]
}

const prompts: Readonly<Record<string, Prompt>> = {
  test_simple_prompt: { messages: () => [from(textOf('This is a simple prompt for testing.'))] },
  test_prompt_with_arguments: {
    arguments: [argument('arg1'), argument('arg2')],
    messages: ({ arg1, arg2 }) => [from(textOf(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))],
  },
  test_prompt_with_embedded_resource: {
    arguments: [argument('resourceUri')],
    messages: ({ resourceUri: uri }) => [
      from({
        type: 'resource',
        resource: { uri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' },
      }),
      from(textOf('Please process the embedded resource above.')),
    ],
  },
  test_prompt_with_image: { messages: () => [from(imageOf()), from(textOf('Please analyze the image above.'))] },
  test_input_required_result_prompt: { messages: () => [from(textOf('There is a context.'))] },
}

const resources: Readonly<Record<string, JsonObject>> = {
  'test://static-text': { mimeType: 'text/plain', text: 'This is the content of the static text resource.' },
  'test://static-binary': { mimeType: 'image/png', blob: png },
  'test://watched-resource': { mimeType: 'text/plain', text: 'It never changes.' },
}

const template = /^test:\/\/template\/([^/]+)\/data$/

/**
 * Servers as the conformance suite expects them, on either side of the change of protocols. What one of them changes is
 * changed in all; servers of one request leave it to the listener to tell that.
 */
export function createFixture(onChange: (list: Changing) => void = () => {}): () => Server {
  const codec = createRequestStateCodec<string>({ key: new Uint8Array(32) })
  const more = { tools: false, prompts: false }

  return () => {
    const server = new Server(
      { name: 'fixture', version: '1.0.0' },
      {
        capabilities: {
          tools: { listChanged: true },
          prompts: { listChanged: true },
          resources: { listChanged: true, subscribe: true },
          completions: {},
          logging: {},
        },
        requestState: { verify: codec.verify },
      },
    )
    const change = async (list: Changing) => {
      more[list] = !more[list]
      onChange(list)
      // A server of one request has nobody to tell.
      await server.notification({ method: `notifications/${list}/list_changed` }).catch(() => {})
    }

    server.setRequestHandler('tools/list', () => ({
      tools: [...Object.entries(tools), ...(more.tools ? [['changing', {}] as const] : [])].map(([name, tool]) => ({
        name,
        description: `The suite calls ${name}.`,
        // Written as schemas of objects above.
        inputSchema: ('schema' in tool ? tool.schema : { type: 'object' }) as { type: 'object' },
      })),
    }))
    server.setRequestHandler('tools/call', async ({ params }, context) => {
      const envelope: unknown = context.mcpReq.envelope
      const able = isJsonObject(envelope) ? envelope[CLIENT_CAPABILITIES_META_KEY] : server.getClientCapabilities()
      const result = await tools[params.name]!.call({
        given: params.arguments ?? {},
        context,
        able: isJsonObject(able) ? able : {},
        change,
        seal: (state) => codec.mint(state, context),
      })
      return result as never
    })

    server.setRequestHandler('prompts/list', () => ({
      prompts: [...Object.keys(prompts), ...(more.prompts ? ['changing'] : [])].map((name) => ({
        name,
        description: `The suite gets ${name}.`,
        arguments: (prompts[name]?.arguments ?? []) as { name: string }[],
      })),
    }))
    server.setRequestHandler('prompts/get', ({ params }, context) => {
      const question = { user_context: ask('What context?', { type: 'object', properties: {} }) }
      const isAsking = params.name === 'test_input_required_result_prompt'
      if (isAsking && answerTo(context, 'user_context') === undefined) return inputRequired({ inputRequests: question })
      return { messages: prompts[params.name]!.messages(params.arguments ?? {}) } as never
    })

    server.setRequestHandler('resources/list', () => ({
      resources: Object.keys(resources).map((uri) => ({ uri, name: uri, description: `The suite reads ${uri}.` })),
    }))
    server.setRequestHandler('resources/templates/list', () => ({
      resourceTemplates: [{ uriTemplate: 'test://template/{id}/data', name: 'template' }],
    }))
    server.setRequestHandler('resources/read', ({ params: { uri } }) => {
      const id = template.exec(uri)?.[1]
      const text = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` })
      const found = id === undefined ? resources[uri] : { mimeType: 'application/json', text }
      if (found === undefined) throw new ResourceNotFoundError(uri)
      return { contents: [{ uri, ...found }] } as never
    })
    server.setRequestHandler('resources/subscribe', () => ({}))
    server.setRequestHandler('resources/unsubscribe', () => ({}))
    server.setRequestHandler('completion/complete', () => ({ completion: { values: ['paris', 'park', 'party'] } }))
    return server
  }
}
