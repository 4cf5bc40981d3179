import type { GuardedText, GuardrailPlugin, JsonObject, Verdict } from '@tianjillm/core'
import { GatewayError, isGatewayError } from '@tianjillm/core'
import { Cancellation, createGuardrail, LiveCall } from '@tianjillm/engine'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FakeUpstream, fakeUpstream, type Scripted } from './fake-upstream.ts'
import { expectSent, type Sent } from './sent.ts'
import { stubHost } from './stub-host.ts'

/** One text through the guardrail. */
export interface GuardrailCase {
  /** A sentence about behaviour: "blocks a prompt the vendor rejects". */
  readonly title: string
  /** Defaults: a request of role user for each text, no images, no context. */
  readonly text: Partial<GuardedText> & { readonly texts: readonly string[] }
  readonly options?: JsonObject
  readonly sent?: Sent
  readonly reply?: Scripted
  readonly verdict: Verdict | ((verdict: Verdict) => void)
}

/** What a guardrail's test hands to the suite. */
export interface GuardrailContract {
  readonly options: JsonObject
  readonly env?: Readonly<Record<string, string>>
  /** Environment variable named when the key is missing; absent for one that needs no key. */
  readonly keyEnv?: string
  readonly wrongOptions: { readonly options: JsonObject; readonly path: string }
  /** True for one that asks nobody. */
  readonly isLocal?: boolean
  /** At least one that passes and one that blocks. */
  readonly cases: readonly GuardrailCase[]
}

/** The contract every guardrail keeps. */
export function guardrailContract(plugin: GuardrailPlugin, contract: GuardrailContract): void {
  describe(`guardrail ${plugin.name}`, () => {
    let upstream: FakeUpstream
    beforeAll(async () => {
      upstream = await fakeUpstream()
    })
    afterAll(() => upstream.close())

    const create = (options: JsonObject = contract.options, env = contract.env) =>
      createGuardrail(plugin, options, stubHost(upstream, env))
    const check = async (item: GuardrailCase, cancellation = new Cancellation()) => {
      const host = stubHost(upstream, contract.env)
      const call = new LiveCall(host, { id: 'call-1', operation: 'chat', model: 'm', cancellation })
      return create({ ...contract.options, ...item.options }).check(guarded(item.text), call)
    }

    it('describes itself and its hooks', () => {
      expect(plugin.name).toMatch(/^[a-z0-9_]+$/)
      expect(plugin.docs).toMatch(/^https:\/\//)
      expect(create().hooks.length).toBeGreaterThan(0)
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

    it('has cases that pass and cases that do not', () => {
      const actions = contract.cases.map(({ verdict }) => (typeof verdict === 'function' ? 'block' : verdict.action))
      expect(actions).toContain('pass')
      expect(actions).toContain('block')
    })

    for (const item of contract.cases)
      it(item.title, async () => {
        upstream.script(item.reply ?? { status: 500 })
        const verdict = await check(item)
        if (item.sent) await expectSent(upstream.arrived[0], item.sent)
        expect(upstream.arrived.length).toBe(contract.isLocal ? 0 : 1)
        if (typeof item.verdict === 'function') item.verdict(verdict)
        else if (item.verdict.action === 'block') expect(verdict).toMatchObject(item.verdict)
        else expect(verdict).toEqual(item.verdict)
        if (verdict.action === 'rewrite') expect(verdict.texts.length).toBe(item.text.texts.length)
      })

    if (contract.isLocal) return
    const [first] = contract.cases as readonly [GuardrailCase]
    for (const [title, reply] of [
      ['a 500', { status: 500, body: '<html>oops</html>' }],
      ['a 401', { status: 401, body: { message: 'bad key' } }],
      ['an answer that is not JSON', { body: '{"broken":' }],
      ['an answer without a verdict', { body: '"?"' }],
      ['a connection that dies', { pieces: ['{'], dies: true }],
    ] as const satisfies readonly (readonly [string, Scripted])[])
      it(`tells ${title} of the judge as guardrail_unavailable`, async () => {
        upstream.script(reply)
        const outcome = await check(first).catch((error: unknown) => error)
        expect(isGatewayError(outcome), `an error, not ${JSON.stringify(outcome)}`).toBe(true)
        expect((outcome as GatewayError).kind).toBe('guardrail_unavailable')
        expect((outcome as GatewayError).message).not.toContain('html')
      })

    it('stops when the call ends', async () => {
      upstream.script({ delay: 5_000 })
      const cancellation = new Cancellation()
      const pending = check(first, cancellation).catch((error: unknown) => error)
      await expect.poll(() => upstream.arrived.length).toBe(1)
      cancellation.abort(new GatewayError('request_timeout', 'deadline'))
      expect(await pending).toBeInstanceOf(Error)
      await upstream.arrived[0]!.abandoned
    })
  })
}

/** A text to be guarded, with what is not given filled in. */
export function guarded(text: Partial<GuardedText> & { readonly texts: readonly string[] }): GuardedText {
  return { direction: 'request', roles: text.texts.map(() => 'user'), images: [], context: [], ...text }
}
