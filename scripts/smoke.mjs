// Starts the gateway that was built, makes a key, has a streamed answer with it, and stops it in good order.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = mkdtempSync(join(tmpdir(), 'tianji-smoke-'))
const config = join(folder, 'proxy_config.yaml')
writeFileSync(config, 'model_list: [{model_name: mock, litellm_params: {model: mock/mock}}]\n')
const main = new URL('../apps/gateway/dist/main.js', import.meta.url).pathname
const gateway = spawn(process.execPath, [main, 'start', '--config', config, '--port', '0'], {
  cwd: new URL('..', import.meta.url),
  env: { ...process.env, TIANJI_MASTER_KEY: 'sk-smoke', DATABASE_URL: '' },
  stdio: ['ignore', 'pipe', 'inherit'],
})
const deadline = setTimeout(() => fail('it took more than 20 s'), 20_000)

let output = ''
await new Promise((resolve) =>
  gateway.stdout.on('data', (piece) => {
    output += piece
    if (output.includes('Try it:')) resolve()
  }),
)
const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(output) ?? fail('it did not say where it listens')
// The first key makes the database that nobody has configured.
const { key } = JSON.parse(await ask('/key/generate', 'sk-smoke', { max_budget: 1 }))
const answer = await ask('/v1/chat/completions', key, {
  model: 'mock',
  stream: true,
  messages: [{ role: 'user', content: 'Hello!' }],
})
if (!answer.endsWith('data: [DONE]\n\n')) fail(`it answered ${answer}`)

gateway.kill('SIGTERM')
const [code] = await once(gateway, 'exit')
clearTimeout(deadline)
if (code !== 0) fail(`it ended with code ${code}`)
rmSync(folder, { recursive: true })
console.log('The built gateway starts, makes a key, streams and stops.')

async function ask(path, key, body) {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  return response.status === 200 ? text : fail(`it answered ${path} with ${response.status} ${text}`)
}

function fail(why) {
  gateway.kill('SIGKILL')
  console.error(`The built gateway failed: ${why}`)
  process.exit(1)
}
