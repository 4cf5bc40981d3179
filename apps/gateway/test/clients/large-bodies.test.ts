import { expectSent } from '@tianjillm/testing'
import OpenAI, { toFile } from 'openai'
import { expect, it } from 'vitest'
import { gatewayAndUpstream, MASTER_KEY } from '../support.ts'
import { openaiClient, recordingClient, refusal } from './openai-client.ts'

const MEBIBYTE = 1024 * 1024

const { gateway, upstream } = gatewayAndUpstream(
  (url) => `
model_list:
  - { model_name: openai/*, litellm_params: { model: openai/*, api_base: '${url}/v1', api_key: sk-upstream } }
general_settings:
  master_key: ${MASTER_KEY}
  max_request_size_mb: 4
`,
)

const recording = (bytes: number) => toFile(Buffer.alloc(bytes, 0xff), 'a.mp3', { type: 'audio/mpeg' })

it('carries bodies of several megabytes both ways', async () => {
  const content = 'é'.repeat(MEBIBYTE)
  const answer = { id: 'c1', choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }] }
  upstream().script({ body: answer })
  const { client, handed } = recordingClient(gateway())
  const messages = [{ role: 'user' as const, content: `${content} "model":"openai/x"` }]
  expect(await client.chat.completions.create({ model: 'openai/gpt-4o', messages })).toEqual(answer)
  await expectSent(upstream().arrived[0], {
    url: `${upstream().url}/v1/chat/completions`,
    bytes: JSON.stringify({ ...JSON.parse(handed[0]!.bytes.toString()), model: 'gpt-4o' }),
  })
})

it('tells a client whose file is too large, before it has sent it', async () => {
  upstream().script({ body: { text: 'hi' } })
  const client = openaiClient(gateway())
  for (const size of [5, 40]) {
    const file = await recording(size * MEBIBYTE)
    const error = await refusal(client.audio.transcriptions.create({ file, model: 'openai/whisper-1' }))
    expect(error).toBeInstanceOf(OpenAI.APIError)
    expect(error).toMatchObject({ status: 413, code: 'payload_too_large', type: 'invalid_request_error' })
  }
  expect(upstream().arrived).toEqual([])
})

it('tells a client whose JSON is too large', async () => {
  upstream().script({ body: {} })
  const messages = [{ role: 'user' as const, content: 'x'.repeat(5 * MEBIBYTE) }]
  const call = openaiClient(gateway()).chat.completions.create({ model: 'openai/gpt-4o', messages })
  expect(await refusal(call)).toMatchObject({ status: 413, code: 'payload_too_large' })
})

it('goes on serving the same client after it sent too much', async () => {
  upstream().script({ body: { text: 'hi' } })
  const client = openaiClient(gateway())
  await refusal(client.audio.transcriptions.create({ file: await recording(5 * MEBIBYTE), model: 'openai/whisper-1' }))
  const answer = await client.audio.transcriptions.create({ file: await recording(10), model: 'openai/whisper-1' })
  expect(answer).toEqual({ text: 'hi' })
})
