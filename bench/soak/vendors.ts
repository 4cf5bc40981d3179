/** The process of the fake vendors and the fake ingestion endpoint. `node vendors.ts SEED`, forked by soak.ts. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BehaviourName, behaviourOf, type VendorName } from './behaviours.ts'
import { SECRET } from './calls.ts'
import type { VendorsMessage } from './start-vendors.ts'
import { streamedAnswer, wholeAnswer } from './vendor-answers.ts'

/** Every so many batches one is refused, never two in a row. */
const REFUSED_BATCH = 20

const seed = process.argv[2]!
let underWay = 0
let secrets = 0
let batches = 0

const [east, west, claude, ingestion] = await Promise.all([
  listen(vendor('east')),
  listen(vendor('west')),
  listen(vendor('claude')),
  listen(ingest),
])
tell({ type: 'urls', urls: { east, west, claude, ingestion } })
process.on('message', () => tell({ type: 'state', underWay, secrets }))
process.on('disconnect', () => process.exit(0))

function tell(message: VendorsMessage): void {
  process.send!(message)
}

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** One exchange, as a behaviour sees it. */
interface Exchange {
  readonly id: string
  readonly path: string
  readonly isStream: boolean
  readonly response: ServerResponse
}

function vendor(name: VendorName): RequestListener {
  return async (request, response) => {
    underWay++
    response.once('close', () => underWay--)
    const body = await text(request).catch(() => '')
    const [id] = /soak-\d+/.exec(body) ?? []
    if (id === undefined || response.destroyed) return response.destroy()
    if (body.includes(SECRET)) secrets++
    const exchange = { id, path: request.url!, isStream: /"stream":\s*true/.test(body), response }
    await behave[behaviourOf(seed, id, name).name](exchange)
  }
}

const behave: Readonly<Record<BehaviourName, (exchange: Exchange) => unknown>> = {
  answer: (exchange) => send(exchange, 0),
  dawdle: (exchange) => send(exchange, 50),
  limit: ({ response }) => refuse(response, 429, { 'retry-after': '1' }),
  fail: ({ response }) => refuse(response, 500),
  hang: () => {},
  reset: ({ response }) => response.socket?.resetAndDestroy(),
  async break(exchange) {
    beginning(exchange)
    // What is on its way must arrive before the connection goes.
    await sleep(30)
    exchange.response.socket?.destroy()
  },
  garble: ({ response }) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Welcome</html>'),
  stall: beginning,
  cut: (exchange) => beginning(exchange).end(),
  async endless(exchange) {
    const { response } = beginning(exchange) && exchange
    while (!response.destroyed) {
      response.write(exchange.isStream ? streamedAnswer(exchange.path, exchange.id)[3] : ' ')
      await sleep(50)
    }
  },
}

/** The whole answer, `pause` ms between its pieces. */
async function send({ id, path, isStream, response }: Exchange, pause: number): Promise<void> {
  const answer = isStream ? streamedAnswer(path, id) : [wholeAnswer(path, id)]
  if (!isStream && pause > 0) await sleep(pause * 8)
  begin(response, isStream)
  for (const piece of answer) {
    response.write(piece)
    if (isStream && pause > 0) await sleep(pause)
    if (response.destroyed) return
  }
  response.end()
}

/** The head and the first events, or half of the body. */
function beginning({ id, path, isStream, response }: Exchange): ServerResponse {
  const whole = isStream ? '' : wholeAnswer(path, id)
  begin(response, isStream)
  response.write(isStream ? streamedAnswer(path, id).slice(0, 4).join('') : whole.slice(0, whole.length / 2))
  return response
}

function begin(response: ServerResponse, isStream: boolean): void {
  response.writeHead(200, { 'content-type': isStream ? 'text/event-stream' : 'application/json' })
}

function refuse(response: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { ...headers, 'content-type': 'application/json' })
  response.end(JSON.stringify({ error: { message: `The vendor answers ${status} on purpose.` } }))
}

/** Langfuse's ingestion, which tells of every generation it took. */
async function ingest(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { batch } = JSON.parse(await text(request)) as {
    readonly batch: readonly { readonly id: string; readonly type: string; readonly body: { readonly id: string } }[]
  }
  if (++batches % REFUSED_BATCH === 0) return refuse(response, 503)
  const generations = batch.filter(({ type }) => type === 'generation-create')
  tell({ type: 'reported', ids: generations.map(({ body }) => body.id) })
  response.writeHead(207, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ successes: batch.map(({ id }) => ({ id, status: 201 })), errors: [] }))
}
