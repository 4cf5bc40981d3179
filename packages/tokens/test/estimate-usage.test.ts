import { expect, it } from 'vitest'
import { estimateUsage } from '../src/index.ts'

const input = { messages: [{ role: 'user', content: 'Is the sea salt?' }] }

it('is of the request and what was said', async () => {
  const usage = await estimateUsage(input, { text: 'Yes, it is.', times: 1 })
  expect(usage).toEqual({ prompt_tokens: 12, completion_tokens: 5, total_tokens: 17 })
})

it('takes a part of an answer for as much as the whole is', async () => {
  expect((await estimateUsage(input, { text: 'Yes, it is.', times: 10.5 })).completion_tokens).toBe(53)
})

it('is of the request alone where nothing was said', async () => {
  expect((await estimateUsage(input, { text: '', times: 1 })).completion_tokens).toBe(0)
})
