import { describe, expect, it } from 'vitest'
import { googleFault } from '../src/fault.ts'

const failed = (error: object) => ({ error: { code: 400, message: 'oops', ...error } })

describe('googleFault', () => {
  it.each([
    ['UNAUTHENTICATED', 'upstream_auth_failed'],
    ['PERMISSION_DENIED', 'upstream_auth_failed'],
    ['NOT_FOUND', 'model_not_found'],
    ['RESOURCE_EXHAUSTED', 'rate_limited'],
    ['INTERNAL', 'upstream_error'],
    ['UNAVAILABLE', 'overloaded'],
    ['DEADLINE_EXCEEDED', 'upstream_timeout'],
    ['INVALID_ARGUMENT', undefined],
  ])('takes %s for %s', (status, kind) => {
    expect(googleFault({ body: failed({ status }) })).toEqual({ kind, message: 'oops' })
  })

  it('knows a bad key by its reason', () => {
    const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' }]
    expect(googleFault({ body: failed({ status: 'INVALID_ARGUMENT', details }) })?.kind).toBe('upstream_auth_failed')
  })

  it('knows a prompt that is too long by its message', () => {
    const message = 'The input token count (9) exceeds the maximum number of tokens allowed (8).'
    expect(googleFault({ body: failed({ message }) })?.kind).toBe('context_length_exceeded')
  })

  it('looks into an array', () => {
    expect(googleFault({ body: [failed({ status: 'NOT_FOUND' })] })?.kind).toBe('model_not_found')
  })

  it.each([['text'], [null], [{ message: 'x' }], [[]]])('says nothing of %j', (body) => {
    expect(googleFault({ body })).toBeUndefined()
  })
})
