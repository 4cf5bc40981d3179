import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client'
import { type Host, isJsonObject, parseJson } from '@tianjillm/core'
import type { McpTransport } from '../settings.ts'
import { lineReader } from './lines.ts'
import { type ProcessGroup, startGroup } from './process-group.ts'

/** Bytes of a message. */
const MESSAGE_LIMIT = 64 * 1024 * 1024
/** Bytes of a line for the log, and lines a minute. */
const LOG_LIMIT = { bytes: 1000, lines: 100 }
const MINUTE = 60_000

/**
 * Talks to a process by lines of JSON. It ends with everything that it has started. The SDK knows by `pid` and `stderr`
 * that silence of this transport means an older server, and not one that is away.
 */
export class StdioTransport implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JSONRPCMessage) => void
  readonly stderr = null
  readonly #command: McpTransport & { readonly type: 'stdio' }
  readonly #log: (line: string, isCut: boolean) => void
  #group: ProcessGroup | undefined
  #hasClosed = false

  constructor(server: string, command: McpTransport & { readonly type: 'stdio' }, host: Pick<Host, 'log' | 'now'>) {
    this.#command = command
    this.#log = fewLines(server, host)
  }

  get pid(): number | null {
    return this.#group?.child.pid ?? null
  }

  /** Whether it is over: closed, or left by the process. */
  get hasClosed(): boolean {
    return this.#hasClosed
  }

  async start(): Promise<void> {
    const group = await startGroup(this.#command)
    if (this.#hasClosed) {
      await group.end()
      throw new Error('Closed before it had started.')
    }
    this.#group = group
    const { child } = group
    child.stdout.on('data', lineReader(MESSAGE_LIMIT, this.#read))
    child.stderr.on('data', lineReader(LOG_LIMIT.bytes, this.#log))
    child.once('close', this.#closed)
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const input = this.#group?.child.stdin
    if (input === undefined || !input.writable) throw new Error('The process takes no more input.')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    input.write(`${JSON.stringify(message)}\n`, (error) => (error ? reject(error) : resolve()))
    await promise
  }

  async close(): Promise<void> {
    await this.#group?.end()
    this.#closed()
  }

  readonly #read = (line: string, isCut: boolean): void => {
    if (isCut) {
      this.onerror?.(new Error('A message is longer than 64 MiB.'))
      void this.close()
      return
    }
    const message = parseJson(line)
    // What is no message is a word for people that went the wrong way; the SDK checks what is.
    if (isJsonObject(message)) this.onmessage?.(message as unknown as JSONRPCMessage)
  }

  readonly #closed = (): void => {
    if (this.#hasClosed) return
    this.#hasClosed = true
    this.onclose?.()
  }
}

/** Hands lines to the log, so many a minute. */
function fewLines(server: string, host: Pick<Host, 'log' | 'now'>): (line: string, isCut: boolean) => void {
  let since = 0
  let count = 0
  return (line, isCut) => {
    const now = host.now()
    if (now - since >= MINUTE) {
      since = now
      count = 0
    }
    count += 1
    if (count > LOG_LIMIT.lines || line.trim() === '') return
    host.log.info(`MCP server ${server}: ${line}${isCut ? '…' : ''}`)
  }
}
