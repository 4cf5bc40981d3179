import { createAnswerCache, memoryStore } from '@tianjillm/cache'
import { type CallReport, defineProvider, type JsonObject, type Operation, type Provider } from '@tianjillm/core'
import { type FakeUpstream, fakeUpstream, NOW, redirectedTransport, stubHost } from '@tianjillm/testing'
import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LiveCall } from '../src/call.ts'
import { createDeployment } from '../src/deployment.ts'
import { createEngine, type EngineParts, run } from '../src/engine.ts'
import { CallRecord } from '../src/record.ts'

let upstream: FakeUpstream
beforeAll(async () => {
  upstream = await fakeUpstream()
})
afterAll(() => upstream.close())

const chat: Operation<JsonObject, JsonObject, JsonObject> = {
  request: (input) => ({ method: 'POST', url: 'https://api.acme.example', headers: {}, body: JSON.stringify(input) }),
  response: (reply) => reply.json<JsonObject>(),
}
const acme = defineProvider({
  name: 'acme',
  title: 'Acme',
  docs: 'https://acme.example',
  env: [],
  options: v.object({}),
  create: () => ({ chat }) as unknown as Provider,
})

/** An engine with one deployment, and what it reports. */
function engineWith(parts: Partial<EngineParts> = {}) {
  const host = stubHost(upstream)
  const transport = redirectedTransport(upstream)
  const reports: CallReport[] = []
  const callback = { content: true, success: (report: CallReport) => void reports.push(report) }
  const deployments = [createDeployment(acme, { group: 'gpt', model: 'one', options: {} }, host, transport)]
  const callbacks = [{ name: 'hears', callback, on: 'both' as const }]
  const engine = createEngine({ host, transport, deployments, callbacks, ...parts })
  const ask = async (input: JsonObject = {}) => {
    const call = new LiveCall(host, { id: 'c', operation: 'chat', model: 'gpt' })
    const record = new CallRecord({ route: '/v1/chat/completions', traceId: 't', tags: [] }, call)
    return { answer: await run(engine, call, { input: { model: 'gpt', ...input } }, record), record }
  }
  const reported = async () => {
    await engine.reporter.flush(1_000)
    return reports
  }
  return { ask, reported }
}

const newCache = () => createAnswerCache({ store: memoryStore({ now: () => NOW }), scope: '', now: () => NOW })
const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }
const answer = { id: 'chatcmpl-1', choices: [], usage }

describe('a call that may have been answered before', () => {
  it('is reported as what it was: asked once, given twice', async () => {
    upstream.script({ body: answer })
    const { ask, reported } = engineWith({ cache: newCache() })
    const { answer: first } = await ask()
    const { answer: second } = await ask()
    expect([first, second]).toEqual([
      { type: 'json', value: answer },
      { type: 'json', value: answer },
    ])
    expect(await reported()).toMatchObject([
      { cacheHit: false, provider: 'acme', usage, upstreamStartTime: NOW },
      { cacheHit: true, provider: undefined, usage, upstreamStartTime: undefined, output: answer, model: 'gpt' },
    ])
  })

  it('tells its key, and whether the answer is an old one', async () => {
    upstream.script({ body: answer })
    const { ask } = engineWith({ cache: newCache() })
    const { record: first } = await ask()
    const { record: second } = await ask()
    expect(first.notes).toEqual([['cache-key', expect.stringMatching(/^[0-9a-f]{64}$/)]])
    expect(second.notes).toEqual([...first.notes, ['cache-hit', 'True']])
  })

  it('is sent, and says nothing of a cache, where there is none', async () => {
    upstream.script({ body: answer })
    const { ask, reported } = engineWith()
    await ask()
    expect((await ask()).record.notes).toEqual([])
    expect(upstream.arrived).toHaveLength(2)
    expect((await reported()).map(({ cacheHit }) => cacheHit)).toEqual([false, false])
  })

  it('fails as any request when it asks for what no cache knows', async () => {
    const { ask } = engineWith({ cache: newCache() })
    await expect(ask({ cache: 'yes' })).rejects.toMatchObject({ kind: 'invalid_request', facts: { param: 'cache' } })
  })
})
