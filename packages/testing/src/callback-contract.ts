import type { CallbackPlugin, CallReport, JsonObject } from '@tianjillm/core'
import { createCallback } from '@tianjillm/engine'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FakeUpstream, fakeUpstream, type Scripted } from './fake-upstream.ts'
import { expectSent, type Sent } from './sent.ts'
import { NOW, stubHost } from './stub-host.ts'

/** Reports handed to the callback, and what it must send once it is flushed. */
export interface CallbackCase {
  readonly title: string
  readonly options?: JsonObject
  readonly reports: readonly CallReport[]
  readonly sent?: readonly Sent[]
  readonly reply?: Scripted
  /** What `scrape` must show. */
  readonly scraped?: readonly (string | RegExp)[]
  /** For what `sent` cannot say: the JSON bodies that arrived. */
  readonly check?: (bodies: readonly unknown[]) => void
}

/** What a callback's test hands to the suite. */
export interface CallbackContract {
  readonly options: JsonObject
  readonly env?: Readonly<Record<string, string>>
  /** Environment variable named when a key is missing; absent for one that needs none. */
  readonly keyEnv?: string
  readonly wrongOptions: { readonly options: JsonObject; readonly path: string }
  /** True for one that sends nothing. */
  readonly isLocal?: boolean
  /** Among them a success and a failure. */
  readonly cases: readonly CallbackCase[]
}

/** The contract every callback keeps. */
export function callbackContract(plugin: CallbackPlugin, contract: CallbackContract): void {
  describe(`callback ${plugin.name}`, () => {
    let upstream: FakeUpstream
    beforeAll(async () => {
      upstream = await fakeUpstream()
    })
    afterAll(() => upstream.close())

    const create = (options: JsonObject = contract.options, env = contract.env) =>
      createCallback(plugin, options, stubHost(upstream, env))
    const tell = async (item: CallbackCase) => {
      const callback = create({ ...contract.options, ...item.options })
      for (const report of item.reports)
        await (report.status === 'success' ? callback.success?.(report) : callback.failure?.(report))
      await callback.flush?.()
      return callback
    }

    it('describes itself', () => {
      expect(plugin.name).toMatch(/^[a-z0-9_]+$/)
      expect(plugin.docs).toMatch(/^https:\/\//)
    })

    it('names the option that is wrong', () => {
      const { options, path } = contract.wrongOptions
      expect(() => create({ ...contract.options, ...options })).toThrow(path)
    })

    const { keyEnv } = contract
    if (keyEnv)
      it('names the variable to set when the key is missing', () => {
        expect(() => create({}, {})).toThrow(keyEnv)
      })

    it('has cases of success and of failure', () => {
      const statuses = contract.cases.flatMap(({ reports }) => reports.map(({ status }) => status))
      expect(statuses).toContain('success')
      expect(statuses).toContain('failure')
    })

    for (const item of contract.cases)
      it(item.title, async () => {
        upstream.script(item.reply ?? { body: {} })
        const callback = await tell(item)
        for (const [index, sent] of (item.sent ?? []).entries()) await expectSent(upstream.arrived[index], sent)
        if (item.sent) expect(upstream.arrived.length).toBe(item.sent.length)
        item.check?.(upstream.arrived.map(({ text }) => JSON.parse(text)))
        const page = item.scraped && (await callback.scrape!())
        for (const expected of item.scraped ?? []) expect(page!.body).toMatch(expected)
      })

    it('flushes when there is nothing to send', async () => {
      upstream.script({ status: 500 })
      await create().flush?.()
      expect(upstream.arrived.length).toBe(0)
    })

    if (contract.isLocal) return
    const [first] = contract.cases as readonly [CallbackCase]
    for (const [title, reply] of [
      ['a dead endpoint', { pieces: [''], dies: true }],
      ['a 500', { status: 500, body: 'oops' }],
      ['a 401', { status: 401, body: 'no' }],
    ] as const satisfies readonly (readonly [string, Scripted])[])
      it(`outlives ${title}`, async () => {
        upstream.script(reply)
        await tell(first)
        expect(upstream.arrived.length).toBeGreaterThan(0)
      })
  })
}

/** A report of a small successful chat; `changes` are laid over it. */
export function sampleReport(changes: Partial<CallReport> = {}): CallReport {
  return {
    id: 'call-1',
    traceId: 'trace-1',
    operation: 'chat',
    status: 'success',
    stream: false,
    responseId: 'chatcmpl-1',
    provider: 'openai',
    model: 'gpt-4o-mini',
    modelGroup: 'small',
    deploymentId: 'dep-1',
    apiBase: 'https://api.openai.com/v1',
    startTime: NOW,
    endTime: NOW + 1300,
    upstreamStartTime: NOW + 2,
    firstTokenTime: NOW + 400,
    usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 },
    cost: 0.00012,
    input: { model: 'small', messages: [{ role: 'user', content: 'hi' }], temperature: 0.2 },
    output: {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
    },
    error: undefined,
    caller: {
      keyHash: '88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b',
      keyAlias: 'dev',
      teamId: 'team-1',
      endUserId: 'u-9',
    },
    metadata: {},
    tags: ['demo'],
    route: '/v1/chat/completions',
    httpStatus: 200,
    guardrails: [],
    attemptedRetries: 0,
    attemptedFallbacks: 0,
    cacheHit: false,
    ...changes,
  }
}

/** A report of the same chat failing with the vendor's 429. */
export function failedReport(changes: Partial<CallReport> = {}): CallReport {
  return sampleReport({
    status: 'failure',
    responseId: undefined,
    usage: undefined,
    cost: undefined,
    output: undefined,
    firstTokenTime: undefined,
    httpStatus: 429,
    error: { kind: 'rate_limited', status: 429, message: 'openai: slow down', provider: 'openai' },
    ...changes,
  })
}
