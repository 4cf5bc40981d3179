import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { folderWith, tianji } from './tianji.ts'

/** A process of its own: within one, client and gateway take turns, and nobody writes to a socket that was just closed. */
function gatewayUrl(): Promise<string> {
  const configuration = `
model_list: [{model_name: gpt, litellm_params: {model: mock/gpt}}]
general_settings: {max_request_size_mb: 1, master_key: sk-of-the-tests}
`
  const folder = folderWith({ 'proxy_config.yaml': configuration })
  return tianji(['start', '--port', '0', '--host', '127.0.0.1'], { folder }).url
}

const post = (url: string, body: string, key: string) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body,
  })

it.for(['sk-of-the-tests', 'sk-wrong'])(
  'lets a client read why a large body is refused, with the key %s',
  async (key) => {
    const url = await gatewayUrl()
    const body = JSON.stringify({ model: 'gpt', messages: [{ role: 'user', content: 'x'.repeat(5 << 20) }] })
    for (let time = 0; time < 10; time++) {
      const answer = await post(url, body, key)
      expect(answer.status).toBe(key === 'sk-wrong' ? 401 : 413)
      expect(await answer.json()).toHaveProperty('error.message')
    }
  },
)

/** What comes back on a connection of its own until it is closed. */
async function closing(request: string): Promise<string> {
  const { port } = new URL(await gatewayUrl())
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(request))
    let text = ''
    socket.on('data', (piece) => {
      text += piece
    })
    socket.on('close', () => resolve(text))
    socket.on('error', reject)
  })
}

const head =
  'POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 5000000\r\n'

it('closes the connection of a client that asked before sending its body, which might never come', async () => {
  const text = await closing(`${head}expect: 100-continue\r\n\r\n`)
  expect(text).toMatch(/^HTTP\/1\.1 401 /)
  expect(text).toMatch(/connection: close/i)
})

it('does not wait for the rest of a refused body for ever', async () => {
  expect(await closing(`${head}\r\n{"model"`)).toMatch(/^HTTP\/1\.1 401 /)
})
