import {
  type BinaryAnswer,
  errorBody,
  type GatewayError,
  isGatewayError,
  type JsonObject,
  type Operation,
  type OperationName,
  type Operations,
  type ProviderPlugin,
  type SearchPlugin,
} from '@tianjillm/core'
import { type Answer, Cancellation, createDeployment, LiveCall, send } from '@tianjillm/engine'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FakeUpstream, fakeUpstream, type Scripted } from './fake-upstream.ts'
import { bytesOf, collect, replyInPieces } from './replies.ts'
import { expectSent, type Sent } from './sent.ts'
import { redirectedTransport, stubHost } from './stub-host.ts'

type InputOf<Name extends OperationName> = Name extends keyof Operations
  ? Operations[Name] extends Operation<infer In, unknown, never> | Operation<infer In, unknown, unknown>
    ? In
    : JsonObject
  : JsonObject

/** One request through the plugin: what is asked, what it must send, what the vendor answers, what must come out. */
export interface OperationCase<Input = JsonObject> {
  /** A sentence about behaviour: "maps a system message". */
  readonly title: string
  readonly input: Input
  /** Options for this case alone, laid over the contract's. */
  readonly options?: JsonObject
  readonly env?: Readonly<Record<string, string>>
  readonly dropParams?: boolean
  /** Requests the plugin must send, in order (token exchange, poll, split). */
  readonly sent: Sent | readonly Sent[]
  /** What the vendor answers to each. */
  readonly reply: Scripted | readonly Scripted[]
  /**
   * What must come out: a JSON answer; all chunks, for a stream; `{ contentType, bytes }` for speech, bytes in hex.
   * A function may look for itself.
   */
  readonly answer?: unknown
  readonly check?: (answer: unknown) => void
  /** In place of an answer: the error that must be thrown. */
  readonly error?: { readonly kind: string; readonly message?: string | RegExp; readonly param?: string }
}

/** What a provider's test hands to the suite; the suite brings the rest. */
export interface ProviderContract {
  /** Options that make it work; usually `{ apiKey: 'test-key' }`. */
  readonly options: JsonObject
  readonly env?: Readonly<Record<string, string>>
  /** Options that its schema must refuse, with the path to be named. Default: a number as `apiKey`. */
  readonly wrongOptions?: { readonly options: JsonObject; readonly path: string }
  /** True for a provider that works without any key. */
  readonly isKeyless?: boolean
  /** True for a provider inside the process, which sends nothing. */
  readonly isLocal?: boolean
  /** At least one case for every operation the provider declares. */
  readonly operations: { readonly [Name in OperationName]?: readonly OperationCase<InputOf<Name>>[] }
  /** The vendor's error shapes. */
  readonly faults?: readonly {
    readonly status: number
    readonly headers?: Readonly<Record<string, string>>
    readonly body: unknown
    readonly kind: string
    readonly message?: string | RegExp
  }[]
}

/** The contract every provider keeps. */
export function providerContract(plugin: ProviderPlugin, contract: ProviderContract): void {
  operationContract(plugin, contract)
}

/** The contract every search engine keeps. */
export function searchContract(plugin: SearchPlugin, contract: ProviderContract): void {
  operationContract(plugin, contract)
}

/** Secrets that must never show in an error. */
const secretsOf = (contract: ProviderContract) =>
  Object.values({ ...contract.options, ...contract.env }).filter(
    (value) => typeof value === 'string' && /key|secret|token/i.test(value),
  )

function operationContract(plugin: ProviderPlugin | SearchPlugin, contract: ProviderContract): void {
  describe(`${plugin.kind} ${plugin.name}`, () => {
    let upstream: FakeUpstream
    beforeAll(async () => {
      upstream = await fakeUpstream()
    })
    afterAll(() => upstream.close())

    const cases = Object.entries(contract.operations) as [OperationName, readonly OperationCase[]][]
    const [firstName, [first]] = cases[0]! as [OperationName, [OperationCase]]

    const deploymentFor = (item: OperationCase) => {
      const host = stubHost(upstream, { ...contract.env, ...item.env })
      const transport = redirectedTransport(upstream)
      const options = { ...contract.options, ...item.options }
      const settings = {
        model: String(item.input.model),
        options,
        dropParams: item.dropParams ?? false,
        timeout: 10_000,
      }
      return { host, transport, deployment: createDeployment(plugin, settings, host, transport) }
    }
    const ask = async (operation: OperationName, item: OperationCase, cancellation = new Cancellation()) => {
      const { host, transport, deployment } = deploymentFor(item)
      const call = new LiveCall(host, { id: 'call-1', operation, model: String(item.input.model), cancellation })
      return read(
        await send({ deployment, model: String(item.input.model) }, { input: item.input }, call, transport, true),
      )
    }

    it('describes itself', () => {
      expect(plugin.name).toMatch(/^[a-z0-9_]+$/)
      expect(plugin.title).not.toBe('')
      expect(plugin.docs).toMatch(/^https:\/\//)
      for (const name of plugin.env) expect(name).toMatch(/^[A-Z][A-Z0-9_]*$/)
    })

    it('names the option that is wrong', () => {
      const { options, path } = contract.wrongOptions ?? { options: { apiKey: 5 }, path: 'apiKey' }
      const create = () => deploymentFor({ ...first, options })
      expect(thrownBy(create).message).toContain(path)
      expect(thrownBy(create).kind).toBe('misconfigured')
    })

    if (!contract.isKeyless)
      it('names the variable to set when the key is missing', () => {
        const host = stubHost(upstream)
        const create = () => createDeployment(plugin, { model: 'm', options: {} }, host, redirectedTransport(upstream))
        const error = thrownBy(create)
        expect(error.kind).toBe('misconfigured')
        expect(error.message).toContain(plugin.env[0]!)
        expect(error.message).toContain(`${plugin.name}: `)
      })

    it('has a case for every operation it declares', () => {
      const { provider } = deploymentFor(first).deployment
      const declared = Object.keys(provider).filter((name) => !['fault', 'authorize', 'renew', 'reply'].includes(name))
      expect(Object.keys(contract.operations).sort()).toEqual(declared.sort())
    })

    for (const [operation, items] of cases)
      for (const item of items) {
        it(`${operation}: ${item.title}`, async () => {
          upstream.script(...listOf(item.reply))
          const outcome = await ask(operation, item).catch((error: unknown) => error)
          if (item.error) expectError(outcome, item.error)
          else if (outcome instanceof Error) throw outcome
          for (const [index, sent] of listOf(item.sent).entries()) await expectSent(upstream.arrived[index], sent)
          expect(upstream.arrived.length).toBe(listOf(item.sent).length)
          if (item.answer !== undefined) expect(outcome).toEqual(item.answer)
          item.check?.(outcome)
        })
        if (item.input.stream === true && !item.error && !contract.isLocal)
          streamContract(operation, item, deploymentFor, () => upstream)
      }

    it('refuses an operation it does not have', async () => {
      const missing = (['rerank', 'speech', 'imageVariation', 'moderation'] as const).find(
        (name) => !contract.operations[name],
      )!
      expectError(await ask(missing, first).catch((error: unknown) => error), {
        kind: 'unsupported_operation',
        message: new RegExp(`${plugin.name}.*${missing}`),
      })
    })

    if (contract.isLocal) return
    for (const [status, kind] of [
      [401, 'upstream_auth_failed'],
      [429, 'rate_limited'],
      [500, 'upstream_error'],
      [503, 'overloaded'],
    ] as const)
      it(`tells a ${status} of the vendor as ${kind}`, async () => {
        upstream.script(...beforeLast(first), {
          status,
          headers: { 'retry-after': '7' },
          body: '<html>secret page</html>',
        })
        const error = (await ask(firstName, first).catch((error: unknown) => error)) as GatewayError
        expectError(error, { kind, message: new RegExp(`^${plugin.name}: `) })
        expect(error.message).not.toContain('html')
        if (status === 429) expect(error.facts.retryAfter).toBe(7)
        const told = JSON.stringify(errorBody(error))
        for (const secret of secretsOf(contract)) expect(told).not.toContain(secret)
      })

    for (const fault of contract.faults ?? [])
      it(`understands its vendor's error ${fault.status} ${JSON.stringify(fault.body).slice(0, 60)}`, async () => {
        const { status, headers, body } = fault
        upstream.script(...beforeLast(first), { status, body, ...(headers && { headers }) })
        expectError(await ask(firstName, first).catch((error: unknown) => error), fault)
      })

    const readable = cases.flatMap(([name, items]) =>
      name === 'speech'
        ? []
        : items.filter((item) => item.input.stream !== true && !item.error).map((item) => [name, item] as const),
    )[0]
    if (readable)
      it('tells a broken answer as upstream_invalid_response', async () => {
        upstream.script(...beforeLast(readable[1]), { body: '{"broken":' })
        expectError(await ask(readable[0], readable[1]).catch((error: unknown) => error), {
          kind: 'upstream_invalid_response',
        })
      })

    it('stops when the client hangs up', async () => {
      upstream.script(...beforeLast(first), { delay: 5_000 })
      const cancellation = new Cancellation()
      const pending = ask(firstName, first, cancellation).catch((error: unknown) => error)
      const expected = beforeLast(first).length + 1
      await expect.poll(() => upstream.arrived.length).toBeGreaterThanOrEqual(expected)
      cancellation.abort('gone')
      expectError(await pending, { kind: 'client_closed' })
      await upstream.arrived.at(-1)!.abandoned
    })
  })
}

type DeploymentFor = (item: OperationCase) => {
  readonly deployment: ReturnType<typeof createDeployment>
  readonly host: ReturnType<typeof stubHost>
  readonly transport: ReturnType<typeof redirectedTransport>
}

/** What every parsed stream survives. */
function streamContract(
  operation: OperationName,
  item: OperationCase,
  deploymentFor: DeploymentFor,
  upstream: () => FakeUpstream,
): void {
  const last = listOf(item.reply).at(-1)!
  const whole = last.pieces
    ? Buffer.concat(last.pieces.map((piece) => bytesOf(piece)))
    : bytesOf(last.body as string | Uint8Array)
  const isEvents = typeof last.body === 'string' && last.body.includes('data:')

  const chunksOf = async (...pieces: readonly Uint8Array[]) => {
    const { deployment, host } = deploymentFor(item)
    const call = new LiveCall(host, { id: 'call-1', operation, model: String(item.input.model) })
    const { stream } = (deployment.provider as Record<string, Operation<JsonObject, unknown, JsonObject>>)[operation]!
    return collect(stream!(replyInPieces(pieces, last.headers), call, item.input))
  }

  it(`${operation}: ${item.title}: survives a cut at every byte`, async () => {
    const expected = await chunksOf(whole)
    const step = Math.max(1, Math.floor(whole.length / 3000))
    for (let cut = 1; cut < whole.length; cut += step)
      expect(await chunksOf(whole.subarray(0, cut), whole.subarray(cut)), `cut at ${cut}`).toEqual(expected)
    const bytes = Array.from(whole, (_, index) => whole.subarray(index, index + 1))
    expect(await chunksOf(...bytes), 'byte by byte').toEqual(expected)
  })

  if (isEvents)
    it(`${operation}: ${item.title}: survives CRLF and comments`, async () => {
      const text = new TextDecoder().decode(whole)
      const expected = await chunksOf(whole)
      expect(await chunksOf(bytesOf(text.replaceAll('\n', '\r\n')))).toEqual(expected)
      expect(await chunksOf(bytesOf(`: keep-alive\n\n${text}`))).toEqual(expected)
    })

  it(`${operation}: ${item.title}: tells when the vendor dies`, async () => {
    const half = whole.subarray(0, Math.floor(whole.length / 2))
    upstream().script(...beforeLast(item), { ...withoutBody(last), pieces: [half], dies: true })
    const { deployment, host, transport } = deploymentFor(item)
    const call = new LiveCall(host, { id: 'call-1', operation, model: String(item.input.model) })
    const outcome = await send(
      { deployment, model: String(item.input.model) },
      { input: item.input },
      call,
      transport,
      true,
    )
      .then(read)
      .catch((error: unknown) => error)
    expect(isGatewayError(outcome), `must be an error, not ${JSON.stringify(outcome)?.slice(0, 200)}`).toBe(true)
  })

  it(`${operation}: ${item.title}: tells when the stream ends too early`, async () => {
    const half = whole.subarray(0, Math.floor(whole.length / 2))
    for (const beginning of isEvents ? [half, ...firstEvents(whole)] : [half]) {
      const outcome = await chunksOf(beginning).catch((error: unknown) => error)
      expect(isGatewayError(outcome), `must be an error, not ${JSON.stringify(outcome)?.slice(0, 200)}`).toBe(true)
    }
  })
}

/** The first half of the events, whole, so that only what is missing tells that there should be more; none of few. */
function firstEvents(bytes: Uint8Array): readonly Uint8Array[] {
  const events = new TextDecoder().decode(bytes).split('\n\n').slice(0, -1)
  if (events.length < 4) return []
  const half = events.slice(0, Math.floor(events.length / 2))
  return [bytesOf(half.map((event) => `${event}\n\n`).join(''))]
}

function withoutBody({ body: _, ...rest }: Scripted): Scripted {
  return rest
}

async function read(answer: Answer): Promise<unknown> {
  switch (answer.type) {
    case 'json':
      return answer.value
    case 'text':
      return answer.text
    case 'stream':
      return collect(answer.chunks)
    case 'binary':
      return { contentType: answer.contentType, bytes: await hexOf(answer) }
    case 'bytes':
    case 'relay':
      throw new Error('Without raw bytes no such answer can come.')
  }
}

async function hexOf(answer: Pick<BinaryAnswer, 'body'>): Promise<string> {
  return Buffer.concat(await collect(answer.body)).toString('hex')
}

function listOf<Value>(value: Value | readonly Value[]): readonly Value[] {
  return Array.isArray(value) ? value : [value as Value]
}

/** Answers that come before the one that matters, such as a token. */
function beforeLast(item: OperationCase): readonly Scripted[] {
  return listOf(item.reply).slice(0, -1)
}

function thrownBy(action: () => unknown): GatewayError {
  try {
    action()
  } catch (error) {
    expect(isGatewayError(error), String(error)).toBe(true)
    return error as GatewayError
  }
  throw new Error('Nothing was thrown.')
}

function expectError(
  outcome: unknown,
  expected: { readonly kind: string; readonly message?: string | RegExp; readonly param?: string },
): void {
  expect(
    isGatewayError(outcome),
    `expected ${expected.kind}, got ${String(outcome)} ${JSON.stringify(outcome)?.slice(0, 200)}`,
  ).toBe(true)
  const error = outcome as GatewayError
  expect(`${error.kind}: ${error.message}`).toMatch(new RegExp(`^${expected.kind}: `))
  if (typeof expected.message === 'string') expect(error.message).toContain(expected.message)
  else if (expected.message) expect(error.message).toMatch(expected.message)
  if (expected.param) expect(error.facts.param).toBe(expected.param)
}
