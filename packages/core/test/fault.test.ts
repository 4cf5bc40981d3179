import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Fault, isGatewayError, replyHeaders, upstreamError } from '../src/index.ts'

const NOW = Date.UTC(2026, 0, 2, 10)

const errorOf = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}, fault?: Fault) =>
  upstreamError('groq', { status, headers: replyHeaders(headers), body }, fault, NOW)

describe('upstreamError', () => {
  it.each([
    [400, 'invalid_request', 400],
    [401, 'upstream_auth_failed', 502],
    [402, 'quota_exceeded', 429],
    [403, 'upstream_auth_failed', 502],
    [404, 'model_not_found', 404],
    [408, 'upstream_timeout', 504],
    [413, 'payload_too_large', 413],
    [418, 'upstream_error', 500],
    [422, 'invalid_request', 400],
    [429, 'rate_limited', 429],
    [500, 'upstream_error', 500],
    [502, 'upstream_error', 502],
    [503, 'overloaded', 503],
    [504, 'upstream_timeout', 504],
    [520, 'upstream_error', 520],
    [529, 'overloaded', 503],
  ])('tells a %i as %s, to the client as %i', (status, kind, told) => {
    const error = errorOf(status, '')
    expect([error.kind, error.status, error.facts.upstreamStatus]).toEqual([kind, told, status])
    expect(error.message).toMatch(/^groq: /)
  })

  it.each([
    [400, { error: { code: 'context_length_exceeded' } }, 'context_length_exceeded'],
    [400, { error: { message: "This model's maximum context length is 8192 tokens" } }, 'context_length_exceeded'],
    [400, { message: 'prompt is too long: 9 > 8' }, 'context_length_exceeded'],
    [400, { error: { code: 'content_policy_violation' } }, 'content_policy_violation'],
    [400, { error: { code: 'content_filter' } }, 'content_policy_violation'],
    [429, { error: { code: 'insufficient_quota' } }, 'quota_exceeded'],
    [500, { error: { message: 'context length' } }, 'upstream_error'],
  ])('understands a %i with %j as %s', (status, body, kind) => {
    expect(errorOf(status, body).kind).toBe(kind)
  })

  it.each([
    [{ error: { message: 'no' } }, 'no'],
    [{ error: 'no' }, 'no'],
    [{ message: 'no' }, 'no'],
    [{ Message: 'no' }, 'no'],
    [{ error_msg: 'no' }, 'no'],
    [{ detail: 'no' }, 'no'],
    [{ detail: [{ loc: ['body'], msg: 'no' }] }, 'no'],
    [{ errors: ['no', 'never'] }, 'no; never'],
    [[{ error: { message: 'no' } }], 'no'],
    [' no\n', 'no'],
    [{ status: 'x' }, 'the vendor answered 400'],
    ['', 'the vendor answered 400'],
    ['<html>no</html>', 'the vendor answered 400'],
    [null, 'the vendor answered 400'],
  ])('finds the words in %j', (body, message) => {
    expect(errorOf(400, body).message).toBe(`groq: ${message}`)
  })

  it('cuts long words short', () => {
    expect(errorOf(400, 'x'.repeat(5000)).message).toBe(`groq: ${'x'.repeat(1000)}`)
  })

  it('keeps what is said of refused credentials to itself', () => {
    expect(errorOf(401, { error: { message: 'Incorrect API key provided: sk-123' } }).message).toBe(
      'groq: the vendor refused the configured credentials',
    )
  })

  it('names the parameter at fault', () => {
    expect(errorOf(400, { error: { message: 'no', param: 'messages[1]' } }).facts.param).toBe('messages[1]')
  })

  it("lets the provider's own reading win", () => {
    const fault = { kind: 'rate_limited', message: 'slow', code: 'E7', param: 'n' } as const
    const error = errorOf(400, { error: { message: 'no', param: 'm' } }, {}, fault)
    expect([error.kind, error.message, error.facts.code, error.facts.param]).toEqual([
      'rate_limited',
      'groq: slow',
      'E7',
      'n',
    ])
  })

  it.each([
    [{ 'retry-after': '7' }, 7],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after-ms': '1500', 'retry-after': '9' }, 1.5],
    [{ 'Retry-After': 'Fri, 02 Jan 2026 10:00:30 GMT' }, 30],
    [{ 'retry-after': 'Fri, 02 Jan 2026 09:00:00 GMT' }, 0],
    [{ 'retry-after': '-5' }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{}, undefined],
  ])('reads %j as %j seconds to wait', (headers, seconds) => {
    expect(errorOf(429, '', headers as Record<string, string>).facts.retryAfter).toBe(seconds)
  })

  it('makes one short, plain error of any answer', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 400, max: 599 }),
        fc.oneof(fc.jsonValue(), fc.string({ maxLength: 3000 })),
        (status, body) => {
          const error = errorOf(status, body)
          expect(isGatewayError(error)).toBe(true)
          expect(error.status).toBeGreaterThanOrEqual(400)
          expect(error.message.length).toBeGreaterThan('groq: '.length)
          expect(error.message.length).toBeLessThanOrEqual('groq: '.length + 1000)
        },
      ),
    ))
})
