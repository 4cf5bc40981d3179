// Starts the gateway that was built, asks it for a streamed answer, and stops it in good order.
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const gateway = spawn(process.execPath, ['apps/gateway/dist/main.js', 'demo', '--port', '0'], {
  cwd: new URL('..', import.meta.url),
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
const response = await fetch(`${url}/v1/chat/completions`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ model: 'mock', stream: true, messages: [{ role: 'user', content: 'Hello!' }] }),
})
const answer = await response.text()
if (response.status !== 200 || !answer.endsWith('data: [DONE]\n\n')) fail(`it answered ${response.status} ${answer}`)

gateway.kill('SIGTERM')
const [code] = await once(gateway, 'exit')
clearTimeout(deadline)
if (code !== 0) fail(`it ended with code ${code}`)
console.log('The built gateway starts, streams and stops.')

function fail(why) {
  gateway.kill('SIGKILL')
  console.error(`The built gateway failed: ${why}`)
  process.exit(1)
}
