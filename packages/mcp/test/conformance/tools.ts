import { setTimeout as pause } from 'node:timers/promises'
import {
  acceptedContent,
  type InputRequiredResult,
  inputRequired,
  MissingRequiredClientCapabilityError,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { isJsonObject, type JsonObject } from '@tianjillm/core'

/** What a tool of the fixture has at hand. */
export interface Call {
  readonly given: JsonObject
  readonly context: ServerContext
  /** What the client said it can do. */
  readonly able: JsonObject
  /** Adds to a list of the fixture what was not in it, or takes it away again. */
  change(list: 'tools' | 'prompts'): Promise<void>
  /** Text for the client to keep, which nobody can alter. */
  seal(state: string): Promise<string>
}

interface Tool {
  readonly schema?: JsonObject
  call(call: Call): JsonObject | InputRequiredResult | Promise<JsonObject | InputRequiredResult>
}

/** A picture of one red dot, and a sound of nothing. */
export const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='
const wav = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA='

export const textOf = (text: string): JsonObject => ({ type: 'text', text })
export const imageOf = (): JsonObject => ({ type: 'image', data: png, mimeType: 'image/png' })
const said = (text: string): JsonObject => ({ content: [textOf(text)] })

/** Time for what was told before to go out by itself. */
const breath = () => pause(50)

const form = (properties: JsonObject): JsonObject => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
})

/** Questions, as an answer that asks has them. */
export const ask = (message: string, requestedSchema: JsonObject): ReturnType<typeof inputRequired.elicit> =>
  // The schemas are those that the suite looks for, word for word.
  inputRequired.elicit({ message, requestedSchema: requestedSchema as never })
const sample = (text: string, maxTokens: number) =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text } }], maxTokens })

const name = form({ name: { type: 'string' } })

/** What the client answered to a question, whatever it is. */
export function answerTo({ mcpReq }: ServerContext, question: string): JsonObject | undefined {
  const answer = mcpReq.inputResponses?.[question]
  return isJsonObject(answer) ? answer : undefined
}

/** A tool that asks one question, and repeats what comes back. */
const asking = (question: string, request: (given: JsonObject) => ReturnType<typeof ask>): Tool => ({
  call({ given, context }) {
    const answer = answerTo(context, question)
    if (answer === undefined) return inputRequired({ inputRequests: { [question]: request(given) } })
    return said(`Elicitation completed: action=${answer.action}, content=${JSON.stringify(answer.content)}`)
  },
})

/** A tool that knows its client again by what that kept. */
const remembering: Tool = {
  async call({ context, seal }) {
    const state = context.mcpReq.requestState<string>()
    if (state === 'asked') return said('state-ok')
    const confirm = ask('Please confirm', form({ ok: { type: 'boolean' } }))
    return inputRequired({ inputRequests: { confirm }, requestState: await seal('asked') })
  },
}

const choices = (...names: readonly string[]) => names.map((title, index) => ({ const: `value${index + 1}`, title }))

/** Tools that the suite calls, each doing what its scenario says. */
export const tools: Readonly<Record<string, Tool>> = {
  test_simple_text: { call: () => said('This is a simple text response for testing.') },
  test_image_content: { call: () => ({ content: [imageOf()] }) },
  test_audio_content: { call: () => ({ content: [{ type: 'audio', data: wav, mimeType: 'audio/wav' }] }) },
  test_embedded_resource: {
    call: () => ({
      content: [
        {
          type: 'resource',
          resource: {
            uri: 'test://embedded-resource',
            mimeType: 'text/plain',
            text: 'This is an embedded resource content.',
          },
        },
      ],
    }),
  },
  test_multiple_content_types: {
    call: () => ({
      content: [
        textOf('Multiple content types test:'),
        imageOf(),
        {
          type: 'resource',
          resource: { uri: 'test://mixed-content-resource', mimeType: 'application/json', text: '{"test":"data"}' },
        },
      ],
    }),
  },
  test_error_handling: {
    call: () => ({ isError: true, ...said('This tool intentionally returns an error for testing') }),
  },
  test_tool_with_logging: {
    async call({ context }) {
      for (const line of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
        await context.mcpReq.log('info', line)
        await breath()
      }
      return said('It was logged.')
    },
  },
  test_logging_tool: {
    async call({ context }) {
      await context.mcpReq.log('info', 'Nobody asked to hear this.')
      return said('It was logged for those who asked.')
    },
  },
  test_tool_with_progress: {
    async call({ context: { mcpReq } }) {
      const progressToken = mcpReq._meta?.progressToken
      for (const progress of [0, 50, 100]) {
        if (progressToken !== undefined)
          await mcpReq.notify({
            method: 'notifications/progress',
            params: { progressToken, progress, total: 100 },
          })
        await breath()
      }
      return said('There was progress.')
    },
  },
  test_sampling: {
    schema: form({ prompt: { type: 'string' } }),
    call({ given, context }) {
      const answer = answerTo(context, 'answer')
      if (answer === undefined) return inputRequired({ inputRequests: { answer: sample(String(given.prompt), 100) } })
      return said(`LLM response: ${JSON.stringify(answer.content)}`)
    },
  },
  test_elicitation: {
    schema: form({ message: { type: 'string' } }),
    ...asking('user', ({ message }) =>
      ask(String(message), form({ username: { type: 'string' }, email: { type: 'string' } })),
    ),
  },
  test_elicitation_sep1034_defaults: asking('defaults', () =>
    ask('Is this right?', {
      type: 'object',
      properties: {
        name: { type: 'string', default: 'John Doe' },
        age: { type: 'integer', default: 30 },
        score: { type: 'number', default: 95.5 },
        status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
        verified: { type: 'boolean', default: true },
      },
    }),
  ),
  test_elicitation_sep1330_enums: asking('enums', () => {
    const options = ['option1', 'option2', 'option3']
    return ask('Which?', {
      type: 'object',
      properties: {
        untitledSingle: { type: 'string', enum: options },
        titledSingle: { type: 'string', oneOf: choices('First Option', 'Second Option') },
        legacyEnum: { type: 'string', enum: ['opt1', 'opt2'], enumNames: ['Option One', 'Option Two'] },
        untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
        titledMulti: { type: 'array', items: { anyOf: choices('First Choice', 'Second Choice') } },
      },
    })
  }),
  test_streaming_elicitation: asking('name', () => ask('What is your name?', name)),
  test_reconnection: {
    async call() {
      await breath()
      return said('It took a moment.')
    },
  },
  test_missing_capability: {
    call({ able }) {
      if (able.sampling !== undefined) return said('You can sample.')
      throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { sampling: {} } })
    },
  },
  test_trigger_tool_change: {
    async call({ change }) {
      await change('tools')
      return said('Tools have changed.')
    },
  },
  test_trigger_prompt_change: {
    async call({ change }) {
      await change('prompts')
      return said('Prompts have changed.')
    },
  },
  test_input_required_result_elicitation: {
    call({ context }) {
      const answer = acceptedContent(context.mcpReq.inputResponses, 'user_name')
      if (answer !== undefined) return said(`Hello, ${answer.name}!`)
      return inputRequired({ inputRequests: { user_name: ask('What is your name?', name) } })
    },
  },
  test_input_required_result_sampling: {
    call({ context }) {
      const answer = answerTo(context, 'capital_question')
      if (answer !== undefined) return said(JSON.stringify(answer.content))
      return inputRequired({ inputRequests: { capital_question: sample('What is the capital of France?', 100) } })
    },
  },
  test_input_required_result_list_roots: {
    call({ context }) {
      const answer = answerTo(context, 'client_roots')
      if (answer !== undefined) return said(JSON.stringify(answer.roots))
      return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } })
    },
  },
  test_input_required_result_request_state: remembering,
  test_input_required_result_tampered_state: remembering,
  test_input_required_result_multiple_inputs: {
    async call({ context, seal }) {
      const questions = {
        user_name: ask('What is your name?', name),
        greeting: sample('Generate a greeting', 50),
        client_roots: inputRequired.listRoots(),
      }
      const isAnswered = Object.keys(questions).every((question) => answerTo(context, question) !== undefined)
      if (isAnswered && context.mcpReq.requestState() === 'asked') return said('All is said.')
      return inputRequired({ inputRequests: questions, requestState: await seal('asked') })
    },
  },
  test_input_required_result_multi_round: {
    async call({ context, seal }) {
      const state = context.mcpReq.requestState<string>()
      if (state === 'second') return said('That was all.')
      if (state !== 'first')
        return inputRequired({
          inputRequests: { step1: ask('Step 1: What is your name?', name) },
          requestState: await seal('first'),
        })
      const color = form({ color: { type: 'string' } })
      return inputRequired({
        inputRequests: { step2: ask('Step 2: What is your favorite color?', color) },
        requestState: await seal('second'),
      })
    },
  },
  test_input_required_result_capabilities: {
    call: ({ able }) =>
      inputRequired({
        inputRequests: {
          ...(able.sampling !== undefined && { sampled: sample('Say something.', 10) }),
          ...(able.elicitation !== undefined && { elicited: ask('What is your name?', name) }),
        },
      }),
  },
  test_headers: {
    schema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } },
    call: ({ given }) => said(`You are in ${given.region}.`),
  },
  json_schema_2020_12_tool: {
    schema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: {
        address: {
          $anchor: 'addressDef',
          type: 'object',
          properties: { street: { type: 'string' }, city: { type: 'string' } },
        },
      },
      properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' }, phone: { type: 'string' } },
      allOf: [{ anyOf: [{ required: ['name'] }, { required: ['phone'] }] }],
      if: { required: ['address'] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
      then: { required: ['name'] },
      else: { required: ['phone'] },
      additionalProperties: false,
    },
    call: ({ given }) => said(JSON.stringify(given)),
  },
}
