import { describe, expect, it } from 'vitest'
import { errorBody, errorKinds, GatewayError, isGatewayError } from '../src/index.ts'

describe('GatewayError', () => {
  it('knows status and retryability by its kind', () => {
    const limited = new GatewayError('rate_limited', 'groq: slow down')
    const invalid = new GatewayError('invalid_request', 'messages: missing')
    expect([limited.status, limited.isRetryable]).toEqual([429, true])
    expect([invalid.status, invalid.isRetryable]).toEqual([400, false])
  })

  it('is an Error with a cause', () => {
    const cause = new TypeError('fetch failed')
    const error = new GatewayError('upstream_unreachable', 'groq: cannot be reached', { cause })
    expect(error).toBeInstanceOf(Error)
    expect(error.name).toBe('GatewayError')
    expect(error.cause).toBe(cause)
    expect('cause' in new GatewayError('internal', 'm')).toBe(false)
  })

  it('takes the status of a vendor', () => {
    expect(new GatewayError('upstream_error', 'm', { status: 520 }).status).toBe(520)
  })
})

describe('isGatewayError', () => {
  it('knows errors of another copy of this package', () => {
    const foreign = Object.assign(new Error('m'), { brand: '@tianjillm/core/GatewayError', kind: 'internal' })
    expect(isGatewayError(foreign)).toBe(true)
    expect(isGatewayError(new GatewayError('internal', 'm'))).toBe(true)
  })

  it.each([undefined, null, 'GatewayError', {}, new Error('m')])('does not know %s', (value) => {
    expect(isGatewayError(value)).toBe(false)
  })
})

describe('errorBody', () => {
  it("is OpenAI's, with all its fields", () => {
    expect(errorBody(new GatewayError('model_not_found', 'No model "x".'))).toEqual({
      error: { message: 'No model "x".', type: 'not_found_error', param: null, code: 'model_not_found' },
    })
  })

  it("tells the parameter, the vendor's code and details", () => {
    const facts = { param: 'messages[0]', code: 'bad_image', details: { limit: 5 } }
    expect(errorBody(new GatewayError('invalid_request', 'm', facts))).toEqual({
      error: {
        message: 'm',
        type: 'invalid_request_error',
        param: 'messages[0]',
        code: 'bad_image',
        provider_specific_fields: { limit: 5 },
      },
    })
  })

  it('keeps cause, provider and the status upstream to itself', () => {
    const facts = { cause: new Error('secret'), provider: 'groq', upstreamStatus: 418 }
    expect(JSON.stringify(errorBody(new GatewayError('internal', 'm', facts)))).not.toMatch(/secret|groq|418/)
  })
})

describe('errorKinds', () => {
  it.each(Object.entries(errorKinds))('%s: its type fits its status', (_kind, { status, type }) => {
    const types: Readonly<Record<number, string>> = {
      401: 'authentication_error',
      403: 'permission_error',
      404: 'not_found_error',
      408: 'timeout_error',
      429: 'rate_limit_error',
      499: 'api_error',
      504: 'timeout_error',
    }
    // LiteLLM's clients look for it by its type.
    if (type === 'budget_exceeded') return
    expect(type).toBe(types[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error'))
  })

  it('never retries what the client has to change', () => {
    const hopeless = Object.values(errorKinds).filter(({ status }) => status < 500 && status !== 429)
    expect(hopeless.some(({ isRetryable }) => isRetryable)).toBe(false)
  })
})
