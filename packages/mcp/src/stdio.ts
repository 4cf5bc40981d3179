import type { Readable, Writable } from 'node:stream'
import type { JSONRPCMessage, JSONRPCNotification, JSONRPCRequest, Transport } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { errorKinds, GatewayError, isGatewayError, isJsonObject, parseJson } from '@tianjillm/core'
import { createViewServer, type ViewServer } from './server.ts'
import type { Client, ServingSettings } from './serving-settings.ts'
import { lineReader } from './upstream/lines.ts'

/** What a conversation over two streams goes by. */
export interface StdioSettings extends ServingSettings {
  readonly input: Readable
  readonly output: Writable
  /** Asked before each request. Rejects with GatewayError, which is the answer to the request then. */
  enter(): Promise<Entered>
}

/** A request that may be made. */
export interface Entered {
  /** Who makes it, as they are by now. */
  readonly client: Client
  /** The request is over. */
  leave(): void
}

/** A client at the other end of two streams. */
export interface StdioConversation {
  /** Resolves when the client has gone, or was left. */
  readonly ended: Promise<void>
  close(): Promise<void>
}

/** Bytes of a message. */
const MESSAGE_LIMIT = 64 * 1024 * 1024

/** A code of our own, outside those of JSON-RPC and of the protocol. */
const REFUSED = -31000

/**
 * Serves one client over two streams, by lines of JSON, in whichever era of the protocol it begins with. What is no
 * message is passed over.
 */
export function createStdioConversation(settings: StdioSettings, first: Client): StdioConversation {
  const { catalog, log, input, output, enter } = settings
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  let client = first
  let serving: ViewServer | undefined
  const transport = new GuardedTransport(input, output, {
    async enter() {
      const entered = await enter()
      client = entered.client
      serving?.become(client)
      return entered
    },
    closed() {
      endChanges()
      clearImmediate(pending)
      end()
    },
  })
  let pending: NodeJS.Immediate | undefined
  const endChanges = catalog.onChange(() => {
    pending ??= setImmediate(() => {
      pending = undefined
      serving?.tellChanges()
    })
  })
  const served = serveStdio(
    ({ era }) => {
      const isModern = era === 'modern'
      serving = createViewServer(settings, client, isModern)
      // The older protocol has a word for that.
      if (isModern) serving.begin()
      return serving.server
    },
    { transport, onerror: ({ message }) => log.debug(`Over standard input and output: ${message.slice(0, 200)}`) },
  )
  return { ended, close: () => served.close() }
}

interface Guard {
  enter(): Promise<Entered>
  closed(): void
}

/** Lets requests in one after the other, in the order they came, and knows when each is over. */
class GuardedTransport implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JSONRPCMessage) => void
  readonly #input: Readable
  readonly #output: Writable
  readonly #guard: Guard
  readonly #underWay = new Map<unknown, () => void>()
  #turn: Promise<void> = Promise.resolve()
  #hasClosed = false

  constructor(input: Readable, output: Writable, guard: Guard) {
    this.#input = input
    this.#output = output
    this.#guard = guard
  }

  async start(): Promise<void> {
    this.#input.on('data', lineReader(MESSAGE_LIMIT, this.#read))
    this.#output.on('error', (error) => this.onerror?.(error))
    for (const stream of [this.#input, this.#output]) stream.once('close', this.#closed)
    this.#input.on('error', this.#closed).once('end', this.#closed)
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (!('method' in message)) this.#over(message.id)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#output.write(`${JSON.stringify(message)}\n`, (error) => (error ? reject(error) : resolve()))
    await promise
  }

  async close(): Promise<void> {
    this.#closed()
  }

  readonly #read = (line: string, isCut: boolean): void => {
    const message = isCut ? undefined : parseJson(line)
    if (isJsonObject(message)) {
      // The SDK checks what it is given.
      this.#turn = this.#turn.then(() => this.#pass(message as unknown as JSONRPCMessage))
      return
    }
    if (isCut) this.onerror?.(new Error('a message of more than 64 MiB'))
    else if (line.trim() !== '') this.onerror?.(new Error('a line that is no JSON object'))
  }

  async #pass(message: JSONRPCMessage): Promise<void> {
    if (this.#hasClosed) return
    try {
      if ('method' in message) await this.#admit(message)
    } catch (cause) {
      if ('id' in message) this.send({ jsonrpc: '2.0', id: message.id!, error: refusal(cause) }).catch(() => {})
      return
    }
    this.onmessage?.(message)
  }

  async #admit(message: JSONRPCRequest | JSONRPCNotification): Promise<void> {
    // To a request that was cancelled there is no answer.
    if (message.method === 'notifications/cancelled') this.#over(message.params?.requestId)
    if (!('id' in message)) return
    const { leave } = await this.#guard.enter()
    this.#over(message.id)
    // Who waits for news for hours makes nobody else wait.
    if (this.#hasClosed || message.method === 'subscriptions/listen') leave()
    else this.#underWay.set(message.id, leave)
  }

  #over(id: unknown): void {
    const leave = this.#underWay.get(id)
    this.#underWay.delete(id)
    leave?.()
  }

  readonly #closed = (): void => {
    if (this.#hasClosed) return
    this.#hasClosed = true
    this.#input.pause()
    for (const id of [...this.#underWay.keys()]) this.#over(id)
    this.onclose?.()
    this.#guard.closed()
  }
}

function refusal(cause: unknown): { readonly code: number; readonly message: string; readonly data: unknown } {
  const error = isGatewayError(cause) ? cause : new GatewayError('internal', 'The gateway made a mistake.', { cause })
  const { type, code } = errorKinds[error.kind]
  const { retryAfter } = error.facts
  return {
    code: REFUSED,
    message: error.message,
    data: { code: error.facts.code ?? code, type, status: error.status, retryable: error.isRetryable, retryAfter },
  }
}
