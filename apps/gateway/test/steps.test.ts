import { PassThrough } from 'node:stream'
import type { AgentEvent } from '@tianjillm/agent'
import { expect, test } from 'vitest'
import { createSteps, printable } from '../src/ask/steps.ts'

const query = { id: 'call_1', toolName: 'database-query', server: 'database', arguments: { sql: 'SELECT 1' } }
const done = { ...query, result: {}, error: undefined, durationMs: 12.3 }

function shown(...events: readonly AgentEvent[]): string {
  const output = new PassThrough({ encoding: 'utf8' })
  const steps = createSteps({ output, redact: (said) => said.replaceAll('hunter2', '[redacted]') })
  for (const event of events) steps.hear(event)
  steps.end()
  return output.read() ?? ''
}

test('a model that is asked again is named once, and calls are there with how long they took', () => {
  const text = shown(
    { type: 'step', turn: 1, provider: 'openai', model: 'gpt-4o' },
    { type: 'tool_call', turn: 1, ...query },
    { type: 'tool_result', turn: 1, ...done },
    { type: 'step', turn: 2, provider: 'openai', model: 'gpt-4o' },
    { type: 'delta', turn: 2, text: 'One.' },
  )
  expect(text).toBe('openai, gpt-4o\n✓ database-query {"sql":"SELECT 1"} 12 ms\n')
})

test('a call that failed says why, on one line, without secrets and orders to the terminal', () => {
  const error = { code: 'EXECUTION_ERROR', message: 'no\n\u001b[2J\u009b2Jtable hunter2' } as const
  expect(shown({ type: 'tool_result', turn: 1, ...done, error })).toBe(
    '✗ database-query {"sql":"SELECT 1"} 12 ms: no [2J2Jtable [redacted]\n',
  )
})

test('long arguments are cut', () => {
  const text = shown({ type: 'tool_result', turn: 1, ...done, arguments: { sql: 'x'.repeat(1_000) } })
  expect(text.length).toBeLessThan(200)
  expect(text).toContain('xxx… 12 ms')
})

test('what is printable keeps its lines', () => {
  expect(printable('a\n\tb\u001b]0;title\u0007\r')).toBe('a\n\tb]0;title')
})
