import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Agent, type AgentServer, createAgent } from '../src/index.ts'
import { actor, call, type Script } from './support.ts'

const program = join(import.meta.dirname, 'small-server.mjs')

/** A server that starts when it is tried for the nth time, and how often it was tried. */
function server(name: string, startsAt = 1): AgentServer & { readonly tries: () => number } {
  const folder = mkdtempSync(join(tmpdir(), 'agent-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const counter = join(folder, 'tries')
  const args = [program, counter, String(startsAt)]
  return {
    name,
    transport: { type: 'stdio', command: process.execPath, args, env: {} },
    tries: () => readFileSync(counter, 'utf8').length,
  }
}

/** A server at an address where nobody listens. */
function nobody(name: string): AgentServer {
  return { name, transport: { type: 'http', url: 'http://127.0.0.1:9/mcp', headers: {}, auth: undefined } }
}

async function agentWith(mcp: readonly AgentServer[], script: Script = 'Hi.') {
  const model = actor('openai', script)
  const agent: Agent = await createAgent({ providers: [model], mcp })
  onTestFinished(() => agent.close())
  return { agent, model }
}

test('tools of a process are found and called', async () => {
  const { agent } = await agentWith([server('small')], [call('small-add', { a: 1, b: 2 }), 'It is 3.'])
  const { toolCalls } = await agent.query('1 + 2?')
  expect(toolCalls).toMatchObject([{ server: 'small', result: { content: [{ type: 'text', text: '3' }] } }])
  expect(await agent.tools()).toMatchObject([
    { name: 'small-add', ownName: 'add', description: 'add', server: 'small', transport: 'stdio' },
    { name: 'small-die', ownName: 'die' },
  ])
})

test('a server that does not start at once is tried again', async () => {
  const slow = server('slow', 5)
  const { agent } = await agentWith([slow])
  expect(await agent.tools()).toHaveLength(2)
  expect(slow.tries()).toBe(5)
})

test('a query goes on without servers that are away, and its model is told', async () => {
  const { agent, model } = await agentWith([server('small'), nobody('crm')])
  await agent.query('Hi')
  expect(model.asked[0]!.tools).toHaveLength(2)
  expect(model.asked[0]!.messages[0]!.content).toContain('cannot be used now: crm.')
})

test('a server that is lost in the middle of a query is told to the model, and is there for the next', async () => {
  const script = [call('small-die'), call('small-add', { a: 1, b: 2 }), 'It was lost.']
  const { agent, model } = await agentWith([server('small')], script)
  const { toolCalls } = await agent.query('Go')
  expect(toolCalls[0]!.error).toEqual({ code: 'CONNECTION_FAILED', message: 'MCP server unavailable: small' })
  expect(model.asked[1]!.messages.at(-1)!.content).toContain('MCP server unavailable: small')
  expect(toolCalls[1]!.error).toBeUndefined()
})

test('servers can be switched off, and chosen by how they are reached', async () => {
  const { agent } = await agentWith([server('on'), { ...server('off'), enabled: false }])
  expect((await agent.tools()).map((tool) => tool.name)).toEqual(['on-add', 'on-die'])
  expect(await agent.tools({ transport: 'http' })).toEqual([])
})
