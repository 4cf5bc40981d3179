import type { Server } from '@modelcontextprotocol/server'
import { GatewayError, type JsonObject } from '@tianjillm/core'
import {
  type AnyClient,
  clientBy,
  fakeServer,
  type House,
  houseOf,
  offerOf,
  sdkServer,
  toolOf,
  type Way,
  ways,
} from '@tianjillm/testing-mcp'
import { afterEach, describe, expect, test } from 'vitest'
import { createLocalUpstream, McpServerError, UNAVAILABLE_META_KEY } from '../src/index.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

async function house(...given: Parameters<typeof houseOf>): Promise<House> {
  const built = await houseOf(...given)
  open.push(built)
  return built
}

async function connect(way: Way, { url }: House, key?: string): Promise<AnyClient> {
  const client = await clientBy(way, url, { 'x-key': String(key) })
  open.push(client)
  return client
}

const names = ({ tools }: { readonly tools: readonly { readonly name: string }[] }) => tools.map(({ name }) => name)
const textOf = (result: JsonObject) => (result.content as { text: string }[])[0]!.text
const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })
const alpha = () => fakeServer('alpha', { tools: [toolOf('say')], prompts: [{ name: 'greet' }] })

/** A server that asks its client, tells of progress, and can be cancelled. */
function asker(
  name: string,
  { cancelled, heard }: Partial<Record<'cancelled' | 'heard', (who: string) => unknown>> = {},
) {
  const tools = ['ask', 'count', 'hang', 'shout'].map((tool) => toolOf(tool))
  return sdkServer(name, { tools, capabilities: { logging: {} } }, (server: Server) => {
    server.setRequestHandler('tools/call', async ({ params }, { mcpReq }) => {
      const who = String(params.arguments?.who)
      if (params.name === 'ask') {
        const content = { type: 'text' as const, text: who }
        const asked = { messages: [{ role: 'user' as const, content }], maxTokens: 1 }
        const answer = await mcpReq.send({ method: 'sampling/createMessage', params: asked })
        return text(`${who}: ${(answer.content as { text: string }).text}`)
      }
      if (params.name === 'shout') {
        await mcpReq.notify({ method: 'notifications/message', params: { level: 'info', data: who } })
        return text('done')
      }
      if (params.name === 'count') {
        const { progressToken = 0 } = mcpReq._meta ?? {}
        await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: Number(who) } })
        await heard?.(who)
        return text(who)
      }
      await mcpReq.notify({
        method: 'notifications/progress',
        params: { progressToken: mcpReq._meta!.progressToken!, progress: 1 },
      })
      return new Promise((resolve) => {
        mcpReq.signal.addEventListener('abort', () => {
          cancelled?.(who)
          resolve(text('cancelled'))
        })
      })
    })
  })
}

describe.each(ways)('%s', (way) => {
  test('lists the tools of several servers as one, and calls each by its name', async () => {
    const client = await connect(way, await house([alpha(), fakeServer('beta', { tools: [toolOf('sing')] })]))
    expect(names(await client.listTools())).toEqual(['alpha-say', 'beta-sing'])
    expect(textOf(await client.callTool('beta-sing', { song: 1 }))).toContain('{"name":"sing","arguments":{"song":1}')
    expect(textOf(await client.callTool('say'))).toContain('"name":"say"')
  })

  test('names servers that are down, lists the other four, and says so when a tool of one is called', async () => {
    const dead = fakeServer('dead', { tools: [toolOf('walk')] })
    dead.set({ status: 'unhealthy' })
    const others = ['a', 'b', 'c', 'd'].map((name) => fakeServer(name, { tools: [toolOf('run')] }))
    const client = await connect(way, await house([dead, ...others], { catalogued: { grace: 0 } }))
    const list = await client.listTools()
    expect(names(list)).toEqual(['a-run', 'b-run', 'c-run', 'd-run'])
    expect(list._meta).toMatchObject({ [UNAVAILABLE_META_KEY]: ['dead'] })
    await expect(client.callTool('dead-walk')).rejects.toMatchObject({
      code: -32603,
      message: expect.stringContaining('MCP server unavailable: dead'),
    })
  })

  test('a tool that is unknown, removed or not allowed is the same error of the protocol', async () => {
    const server = fakeServer('s', { tools: [toolOf('old'), toolOf('secret')] }, async (_, { name }) => {
      throw new McpServerError(-32602, `Tool ${name} not found`)
    })
    const keys = { k: { id: 'k', filter: { disallowedTools: ['secret'] } } }
    const client = await connect(way, await house([server], { keys }), 'k')
    for (const name of ['nobody', 's-secret', 's-old'])
      await expect(client.callTool(name)).rejects.toMatchObject({
        code: -32602,
        message: expect.stringContaining(`Unknown tool: ${name}`),
      })
    expect(names(await client.listTools())).toEqual([])
  })

  test('a tool that fails is a result with what programs go by', async () => {
    const local = createLocalUpstream('own', [toolOf('ask')], async () => {
      throw new GatewayError('rate_limited', 'too many requests')
    })
    const client = await connect(way, await house([local]))
    expect(await client.callTool('own-ask')).toMatchObject({
      isError: true,
      content: [{ type: 'text', text: 'too many requests' }],
      _meta: { code: 'rate_limit_exceeded', type: 'rate_limit_error', status: 429, retryable: true },
    })
  })

  test('a tool of the gateway knows who asks', async () => {
    const local = createLocalUpstream('own', [toolOf('who')], async (_, __, { caller }) => text(String(caller)))
    const client = await connect(
      way,
      await house([local], { keys: { k: { id: 'k', filter: {}, caller: 'Ann' } } }),
      'k',
    )
    expect(textOf(await client.callTool('own-who'))).toBe('Ann')
  })

  test('arguments that the operator does not allow never reach the server', async () => {
    const source = { upstream: alpha(), allowedArguments: { say: ['text'] } }
    const client = await connect(way, await house([source]))
    expect(await client.callTool('alpha-say', { text: 'a', path: '/' })).toMatchObject({
      isError: true,
      content: [{ text: 'These arguments are not allowed here: path.' }],
      _meta: { status: 403 },
    })
    expect(source.upstream.peers).toEqual([])
  })

  test('two keys see what is theirs, each with calls of its own', async () => {
    const keys = { a: { id: 'a', filter: { servers: [['alpha']] } }, b: { id: 'b', filter: { servers: [['beta']] } } }
    const both = await house([alpha(), fakeServer('beta', { tools: [toolOf('sing')] })], { keys })
    const [a, b] = [await connect(way, both, 'a'), await connect(way, both, 'b')]
    expect([names(await a.listTools()), names(await b.listTools())]).toEqual([['alpha-say'], ['beta-sing']])
    await expect(a.callTool('beta-sing')).rejects.toMatchObject({ code: -32602 })
    expect((await a.request('prompts/list')).prompts).toEqual([{ name: 'alpha-greet' }])
    expect((await b.request('prompts/list')).prompts).toEqual([])
  })

  test('many calls at once get their own answers and their own progress', async () => {
    const gates = Array.from({ length: 20 }, () => Promise.withResolvers<void>())
    const heard = (who: string) => gates[Number(who)]!.promise
    const client = await connect(way, await house([asker('alpha', { heard }), asker('beta', { heard })]))
    const calls = gates.map(async ({ resolve }, index) => {
      const onprogress = ({ progress }: JsonObject) => {
        if (progress === index) resolve()
      }
      return textOf(await client.callTool(index % 2 ? 'alpha-count' : 'beta-count', { who: index }, { onprogress }))
    })
    expect(await Promise.all(calls)).toEqual(gates.map((_, index) => String(index)))
  })

  test('a call that the client cancels ends at the server', async () => {
    const { promise: cancelled, resolve } = Promise.withResolvers<string>()
    const client = await connect(way, await house([asker('alpha', { cancelled: (who) => resolve(who) })]))
    const controller = new AbortController()
    const call = client.callTool(
      'hang',
      { who: 'me' },
      { signal: controller.signal, onprogress: () => controller.abort() },
    )
    await expect(call).rejects.toThrow()
    expect(await cancelled).toBe('me')
  })

  test('prompts, resources, templates and completions go to the server they are of', async () => {
    const offer = {
      prompts: [{ name: 'greet' }],
      resources: [{ uri: 'file:///a', name: 'a' }],
      resourceTemplates: [{ uriTemplate: 'db://{id}', name: 'row' }],
      capabilities: { completions: {} },
    }
    const answers: Readonly<Record<string, (params: JsonObject) => JsonObject>> = {
      'prompts/get': ({ name }) => ({
        messages: [{ role: 'user', content: { type: 'text', text: `Hello from ${name}` } }],
      }),
      'resources/read': ({ uri }) => ({ contents: [{ uri, text: `two has ${uri}` }] }),
      'completion/complete': ({ ref }) => ({ completion: { values: [JSON.stringify(ref)] } }),
    }
    const two = fakeServer('two', offer, async (method, params) => answers[method]!(params))
    const client = await connect(way, await house([fakeServer('one', { resources: offer.resources }), two]))
    expect(await client.request('prompts/get', { name: 'two-greet' })).toMatchObject({
      messages: [{ content: { text: 'Hello from greet' } }],
    })
    const read = async (uri: string) => (await client.request('resources/read', { uri })).contents
    expect(await read('two+file:///a')).toEqual([{ uri: 'two+file:///a', text: 'two has file:///a' }])
    expect(await read('db://7')).toEqual([{ uri: 'db://7', text: 'two has db://7' }])
    await expect(read('file:///none')).rejects.toMatchObject({ message: expect.stringContaining('not found') })
    const complete = (ref: JsonObject) =>
      client.request('completion/complete', { ref, argument: { name: 'x', value: '' } })
    expect(await complete({ type: 'ref/prompt', name: 'two-greet' })).toMatchObject({
      completion: { values: ['{"type":"ref/prompt","name":"greet"}'] },
    })
    expect(await complete({ type: 'ref/prompt', name: 'unknown' })).toMatchObject({ completion: { values: [] } })
  })

  test('a result over the limit is cut', async () => {
    const server = fakeServer('s', { tools: [toolOf('much')] }, async () => text('x'.repeat(5_000)))
    const client = await connect(way, await house([server], { resultLimit: 1_000 }))
    expect(textOf(await client.callTool('s-much'))).toMatch(/^x+\n\[Cut by the gateway/)
  })

  test('an error of a server keeps its code, and none of its secrets', async () => {
    const server = fakeServer('s', { tools: [toolOf('a')] }, async () => {
      throw new McpServerError(-31000, 'wrong: sk-secret')
    })
    const redact = (value: string) => value.replaceAll('sk-secret', '***')
    const client = await connect(way, await house([server], { redact }))
    await expect(client.callTool('s-a')).rejects.toMatchObject({
      code: -31000,
      message: expect.stringContaining('***'),
    })
  })
})

describe.each(ways.slice(0, 3))('%s', (way) => {
  test('a server asks the very client whose call it works on, also when many call', async () => {
    const together = await house([asker('alpha')], { keys: { a: { id: 'a', filter: {} }, b: { id: 'b', filter: {} } } })
    const clients = await Promise.all(['a', 'b'].map((key) => connect(way, together, key)))
    const answers = clients.map(async (client, index) => {
      client.answer('sampling/createMessage', ({ messages }) => {
        const [{ content }] = messages as [{ content: { text: string } }]
        return {
          role: 'assistant',
          model: 'm',
          content: { type: 'text', text: `client ${index} heard ${content.text}` },
        }
      })
      const calls = Array.from({ length: 5 }, (_, call) => client.callTool('alpha-ask', { who: `${index}.${call}` }))
      return (await Promise.all(calls)).map(textOf)
    })
    const expected = (index: number) =>
      Array.from({ length: 5 }, (_, call) => `${index}.${call}: client ${index} heard ${index}.${call}`)
    expect(await Promise.all(answers)).toEqual([expected(0), expected(1)])
  })

  test('what a server logs reaches the client that called, and no other', async () => {
    const keys = { a: { id: 'a', filter: {} }, b: { id: 'b', filter: {} } }
    const together = await house([asker('alpha')], { keys })
    const [a, b] = [await connect(way, together, 'a'), await connect(way, together, 'b')]
    const heard = a!.next('notifications/message')
    await Promise.all([a!.callTool('shout', { who: 'a' }), b!.callTool('count', { who: 1 })])
    expect(await heard).toMatchObject({ level: 'info', data: 'a' })
    expect(b!.notifications).toEqual([])
  })

  test('a change of a list is told to those whose list it is', async () => {
    const server = fakeServer('s', { tools: [toolOf('a')] })
    const keys = { other: { id: 'other', filter: { servers: [['alpha']] } } }
    const both = await house([server, alpha()], { keys })
    const [all, other] = [await connect(way, both), await connect(way, both, 'other')]
    await all.listTools()
    const heard = all.next('notifications/tools/list_changed')
    server.set({ offer: offerOf({ tools: [toolOf('b')] }) })
    await heard
    expect(names(await all.listTools())).toEqual(['s-b', 'alpha-say'])
    await other.listTools()
    expect(other.notifications).toEqual([])
  })

  test('a subscriber hears of its resource under the URI that it knows', async () => {
    const resources = [{ uri: 'file:///a', name: 'a' }]
    const two = fakeServer('two', { resources }, async (method, { uri }, peer) => {
      expect(method).toBe('resources/subscribe')
      peer.notify!('notifications/resources/updated', { uri })
      return {}
    })
    const client = await connect(way, await house([fakeServer('one', { resources }), two]))
    const heard = client.next('notifications/resources/updated')
    await client.request('resources/subscribe', { uri: 'two+file:///a' })
    expect(await heard).toEqual({ uri: 'two+file:///a' })
  })
})
