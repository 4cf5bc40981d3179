import { GatewayError } from '@tianjillm/core'
import { describe, expect, it } from 'vitest'
import { readErrorEvent, readMessagesFault, writeMessagesError } from '../src/index.ts'

const body = (type: string, message = 'why') => ({ type: 'error', error: { type, message } })

describe('readErrorEvent', () => {
  it.each([
    ['invalid_request_error', 'invalid_request', 400],
    ['authentication_error', 'upstream_auth_failed', 401],
    ['billing_error', 'quota_exceeded', 402],
    ['permission_error', 'upstream_auth_failed', 403],
    ['not_found_error', 'model_not_found', 404],
    ['conflict_error', 'upstream_error', 409],
    ['request_too_large', 'payload_too_large', 413],
    ['rate_limit_error', 'rate_limited', 429],
    ['api_error', 'upstream_error', 500],
    ['timeout_error', 'upstream_timeout', 504],
    ['overloaded_error', 'overloaded', 529],
    ['something_new', 'upstream_error', 500],
  ])('tells %s as %s', (type, kind, upstreamStatus) => {
    expect(readErrorEvent(body(type), { provider: 'anthropic', now: 0 })).toMatchObject({
      kind,
      facts: { provider: 'anthropic', upstreamStatus },
    })
  })
})

describe('readMessagesFault', () => {
  it.each([
    ['prompt is too long: 210000 tokens > 200000 maximum', 'context_length_exceeded'],
    ['input length and `max_tokens` exceed context limit: 190000 + 20000', 'context_length_exceeded'],
    ['Output blocked by content filtering policy', 'content_policy_violation'],
    ['Your credit balance is too low to access the API.', 'quota_exceeded'],
    ['messages: at least one message is required', undefined],
  ])('understands "%s"', (message, kind) => {
    expect(readMessagesFault({ body: body('invalid_request_error', message) })).toEqual({ kind, message })
  })

  it.each(['oops', null, [], { message: 'other' }, { error: 'text' }])("leaves %j to others' eyes", (other) => {
    expect(readMessagesFault({ body: other })).toBeUndefined()
  })
})

describe('writeMessagesError', () => {
  it.each([
    ['invalid_request', 'invalid_request_error'],
    ['invalid_api_key', 'authentication_error'],
    ['permission_denied', 'permission_error'],
    ['model_not_found', 'not_found_error'],
    ['payload_too_large', 'request_too_large'],
    ['rate_limited', 'rate_limit_error'],
    ['quota_exceeded', 'billing_error'],
    ['overloaded', 'overloaded_error'],
    ['upstream_timeout', 'timeout_error'],
    ['upstream_error', 'api_error'],
  ] as const)('tells %s as %s', (kind, type) => {
    expect(writeMessagesError(new GatewayError(kind, 'why'), 'req_1')).toEqual({
      type: 'error',
      error: { type, message: 'why' },
      request_id: 'req_1',
    })
  })
})
