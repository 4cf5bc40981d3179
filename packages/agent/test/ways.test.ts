import { expect, test } from 'vitest'
import { agentTransports, isReached } from '../src/index.ts'

test.each([
  ['stdio', ['stdio']],
  ['sse', ['sse']],
  ['http', ['http']],
  ['auto', ['sse', 'http']],
  ['openapi', ['http']],
  [undefined, ['http']],
])('a server of the transport %s is among those reached by %j, and among all', (transport, ways) => {
  expect(agentTransports.filter((wanted) => isReached(transport, wanted))).toEqual(ways)
  expect(isReached(transport, undefined)).toBe(true)
})
