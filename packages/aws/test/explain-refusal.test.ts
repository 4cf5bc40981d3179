import { describe, expect, it } from 'vitest'
import { explainRefusal } from '../src/index.ts'

const NOW = Date.UTC(2026, 0, 2, 12)
const facts = { service: 'execute-api', region: 'eu-west-1', now: NOW }

const why = (type: string | undefined, message: string, theirs = NOW) =>
  explainRefusal(
    {
      status: 403,
      headers: new Headers({ date: new Date(theirs).toUTCString(), ...(type && { 'x-amzn-errortype': type }) }),
      text: JSON.stringify({ message }),
    },
    facts,
  )

describe('explainRefusal', () => {
  it.each([
    [
      'InvalidSignatureException',
      'The request signature we calculated does not match',
      /aws_secret_access_key.*eu-west-1.*execute-api/,
    ],
    ['InvalidSignatureException:http://internal.amazon.com/', '', /aws_secret_access_key/],
    [undefined, 'The request signature we calculated does not match', /aws_secret_access_key/],
    ['UnrecognizedClientException', 'The security token included in the request is invalid.', /aws_access_key_id/],
    ['ExpiredTokenException', 'The security token included in the request is expired', /expired: give new ones/],
    [
      'AccessDeniedException',
      'User: arn:aws:iam::1:user/ada is not authorized to perform: bedrock-agentcore:InvokeGateway on resource: x',
      /^it knows the identity, which may not do bedrock-agentcore:InvokeGateway: allow it in IAM$/,
    ],
    ['AccessDeniedException', 'Forbidden', /may not do this/],
  ])('tells what to do about %s: %s', (type, message, words) => {
    expect(why(type, message)).toMatch(words)
  })

  it.each([
    ['Signature expired: 20260102T115000Z is now earlier than 20260102T115500Z', NOW + 600_000, /is 600 s slow/],
    [
      'Signature not yet current: 20260102T120000Z is still later than 20260102T115500Z',
      NOW - 600_000,
      /is 600 s fast/,
    ],
    ['The request signature we calculated does not match', NOW + 600_000, /is 600 s slow/],
  ])('tells how wrong the clock is: %s', (message, theirs, words) => {
    expect(why('InvalidSignatureException', message, theirs)).toMatch(words)
  })

  it('knows the XML of older services', () => {
    const text = '<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>'
    expect(explainRefusal({ status: 403, headers: new Headers(), text }, facts)).toMatch(/aws_access_key_id/)
  })

  it('repeats nothing of what was signed', () => {
    const told = why('InvalidSignatureException', 'The Canonical String was\nx-amz-security-token:a-secret')
    expect(told).not.toContain('a-secret')
  })

  it('has no words for what is not about signatures', () => {
    expect(why(undefined, 'Pets of others are not shown.')).toBeUndefined()
    expect(why('ResourceNotFoundException', '')).toBeUndefined()
  })
})
