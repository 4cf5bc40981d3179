import type { ChatRequest, JsonObject } from '@tianjillm/core'
import { type ConnectedProvider, connect } from '@tianjillm/engine'
import { mock } from '@tianjillm/provider-mock'
import type { AgentProvider, AgentTool, AgentTools } from '../src/index.ts'

/** What a provider says, turn by turn; a text each time. */
export type Script = string | readonly (string | Calling)[]

/** A provider that plays a script, and what it was asked. */
export interface Actor extends AgentProvider {
  readonly asked: ChatRequest[]
}

export function actor(name: string, script: Script, chat: ConnectedProvider['chat'] = playing(script)): Actor {
  const asked: ChatRequest[] = []
  return {
    ...{ name, asked, model: `${name}-model` },
    chat(request, settings) {
      asked.push(request)
      return chat(request, settings)
    },
  }
}

function playing(mockResponse: Script): ConnectedProvider['chat'] {
  return connect(mock, { mockResponse }).chat
}

/** A provider that answers by a function. */
export function answering(name: string, chat: AgentProvider['chat']): AgentProvider {
  return { name, model: `${name}-model`, chat }
}

/** A turn of a script. */
export interface Calling {
  readonly tool_calls: readonly { readonly function: { readonly name: string; readonly arguments: JsonObject } }[]
}

export function call(name: string, input: JsonObject = {}): Calling {
  return { tool_calls: [{ function: { name, arguments: input } }] }
}

/** A call of each tool in one turn. */
export function calls(...names: readonly string[]): Calling {
  return { tool_calls: names.map((name) => ({ function: { name, arguments: {} } })) }
}

export function text(said: string, isError = false): JsonObject {
  return { content: [{ type: 'text', text: said }], ...(isError && { isError }) }
}

export interface Kit extends AgentTools {
  readonly called: { readonly name: string; readonly input: JsonObject }[]
}

type Run = (input: JsonObject, signal: AbortSignal) => Promise<JsonObject>

/** Tools by functions, of the servers that their names begin with. */
export function kitOf(tools: Readonly<Record<string, Run | readonly [Partial<AgentTool>, Run]>>): Kit {
  const called: Kit['called'] = []
  const all = Object.entries(tools).map(([name, tool]) => {
    const [more, run] = typeof tool === 'function' ? [{}, tool] : tool
    const server = name.split('-')[0]!
    const described: AgentTool = {
      ...{ name, server, ownName: name.slice(server.length + 1), description: `Does ${name}.`, transport: 'stdio' },
      inputSchema: { type: 'object' },
      ...more,
    }
    return { described, run }
  })
  return {
    called,
    async list({ transport }) {
      const found = all.filter(({ described }) => transport === undefined || described.transport === transport)
      return found.map(({ described }) => described)
    },
    async call(name, input, { signal }) {
      called.push({ name, input })
      return all.find(({ described }) => described.name === name)!.run(input, signal)
    },
  }
}
