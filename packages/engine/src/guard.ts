import {
  type Awaitable,
  type CallReport,
  GatewayError,
  type GuardedText,
  type Hook,
  isJsonObject,
  type JsonObject,
} from '@tianjillm/core'
import type { Plan } from '@tianjillm/router'
import type { Answer } from './answer.ts'
import { type Asked, withInput } from './asked.ts'
import { assemble, withTexts } from './assemble.ts'
import type { LiveCall } from './call.ts'
import { Cancellation } from './cancellation.ts'
import type { Deployment } from './deployment.ts'
import { type ConfiguredGuardrail, judge } from './judge.ts'
import type { CallRecord } from './record.ts'
import { answersHaveText, contextOf, type Texts, textsOfAnswer, textsOfInput } from './texts.ts'

/** The guardrails that concern one call. */
export interface Guards {
  readonly all: readonly ConfiguredGuardrail[]
  /** Whether the answer has to be read, not handed on. */
  readonly readAnswers: boolean
}

const NONE: Guards = { all: [], readAnswers: false }

/** When guardrails judge what is asked of models, and of tools. */
const ofModels = { before: 'pre_call', beside: 'during_call', after: 'post_call' } as const
const ofTools = { before: 'pre_mcp_call', beside: 'during_mcp_call', after: 'post_mcp_call' } as const

function hooksOf({ operation }: LiveCall): { readonly [When in keyof typeof ofModels]: Hook } {
  return operation === 'tool' ? ofTools : ofModels
}

/**
 * The guardrails of a call: those that run by default, those of the deployments it may go to, and those its
 * `guardrails` name. Throws GatewayError `invalid_request` for a name that is not configured.
 */
export function chooseGuards(
  configured: readonly ConfiguredGuardrail[],
  plan: Plan<Deployment>,
  { input }: Asked,
  call: LiveCall,
  record: CallRecord,
): Guards {
  if (configured.length === 0 && input.guardrails === undefined) return NONE
  const ofDeployments = new Set(plan.reachable().flatMap(({ guardrails }) => guardrails))
  const all = chosen(configured, input.guardrails, ofDeployments)
  record.guards = { all, readAnswers: answersHaveText(call.operation) && at(all, 'post_call').length > 0 }
  return record.guards
}

/**
 * The guardrails of a call of a tool: those that run by default, and those of `guardrails` of the request in whose course
 * it is called. No deployment has a say in it, and its arguments are no place to name one.
 */
export function guardsOfTools(configured: readonly ConfiguredGuardrail[], named: unknown, record: CallRecord): Guards {
  const all = chosen(configured, named, new Set())
  record.guards = all.length === 0 ? NONE : { all, readAnswers: true }
  return record.guards
}

function chosen(
  configured: readonly ConfiguredGuardrail[],
  named: unknown,
  others: ReadonlySet<string>,
): readonly ConfiguredGuardrail[] {
  const wanted = wantedGuardrails(named)
  for (const name of wanted.keys())
    if (!configured.some((guardrail) => guardrail.name === name))
      throw new GatewayError('invalid_request', `The guardrail "${name}" is not configured.`, { param: 'guardrails' })
  return configured.flatMap((guardrail) => {
    const extraBody = wanted.get(guardrail.name)
    if (extraBody === undefined) return guardrail.isDefault || others.has(guardrail.name) ? [guardrail] : []
    return [{ ...guardrail, extraBody }]
  })
}

/** The request after those that judge before the call, rewritten where they say so. Throws GatewayError `guardrail_blocked`. */
export function guardRequest(guards: Guards, asked: Asked, call: LiveCall, record: CallRecord): Awaitable<Asked> {
  const judges = at(guards.all, hooksOf(call).before)
  return judges.length === 0 ? asked : judgeRequest(judges, asked, call, record)
}

async function judgeRequest(
  judges: readonly ConfiguredGuardrail[],
  asked: Asked,
  call: LiveCall,
  record: CallRecord,
): Promise<Asked> {
  let input = asked.input
  for (const guardrail of judges) {
    const texts = textsOfInput(call.operation, input)
    input = await settled(guardrail, hooksOf(call).before, 'request', texts, input, call, record)
  }
  record.allowed = withInput(asked, input)
  return record.allowed
}

/** Fetches the answer while others judge the request, and holds it back until they agree. */
export function guardBeside(
  guards: Guards,
  asked: Asked,
  call: LiveCall,
  record: CallRecord,
  fetchAnswer: (call: LiveCall) => Promise<Answer>,
): Promise<Answer> {
  const judges = at(guards.all, hooksOf(call).beside)
  return judges.length === 0 ? fetchAnswer(call) : judgeBeside(judges, asked, call, record, fetchAnswer)
}

async function judgeBeside(
  judges: readonly ConfiguredGuardrail[],
  asked: Asked,
  call: LiveCall,
  record: CallRecord,
  fetchAnswer: (call: LiveCall) => Promise<Answer>,
): Promise<Answer> {
  const upstream = new Cancellation()
  const forget = call.cancellation.onAbort((reason) => upstream.abort(reason))
  const answer = fetchAnswer(call.within(upstream))
  try {
    const texts = textsOfInput(call.operation, asked.input)
    await Promise.all(
      judges.map((guardrail) => settled(guardrail, hooksOf(call).beside, 'request', texts, asked.input, call, record)),
    )
    return await answer
  } catch (error) {
    upstream.abort(error)
    answer.catch(() => {})
    forget()
    throw error
  }
}

/**
 * The answer after those that judge it, rewritten where they say so. A stream is held back until its end, so that
 * nothing unjudged gets out. Throws GatewayError `guardrail_blocked`.
 */
export function guardAnswer(
  guards: Guards,
  answer: Answer,
  asked: Asked,
  call: LiveCall,
  record: CallRecord,
): Awaitable<Answer> {
  const judges = at(guards.all, hooksOf(call).after)
  const isReadable = answer.type === 'json' || answer.type === 'stream' || answer.type === 'text'
  return judges.length > 0 && isReadable ? judgeAnswer(judges, answer, asked, call, record) : answer
}

async function judgeAnswer(
  judges: readonly ConfiguredGuardrail[],
  answer: Extract<Answer, { type: 'json' | 'stream' | 'text' }>,
  asked: Asked,
  call: LiveCall,
  record: CallRecord,
): Promise<Answer> {
  const chunks = answer.type === 'stream' ? await Array.fromAsync(answer.chunks) : []
  const whole =
    answer.type === 'json' ? answer.value : answer.type === 'text' ? { text: answer.text } : assemble(chunks)
  let value = whole
  for (const guardrail of judges) {
    const texts = textsOfAnswer(call.operation, value)
    value = await settled(guardrail, hooksOf(call).after, 'response', texts, asked.input, call, record)
  }
  if (answer.type === 'json') return { type: 'json', value }
  if (answer.type === 'text') return { ...answer, text: String(value.text) }
  return { type: 'stream', chunks: oneByOne(value === whole ? chunks : withTexts(chunks, value)) }
}

/** The report after those that judge what is logged. What they block, or cannot judge, is left out of it. */
export function guardReport(report: CallReport, call: LiveCall, record: CallRecord): Awaitable<CallReport> {
  const judges = at(record.guards?.all ?? [], 'logging_only')
  return judges.length === 0 ? report : judgeReport(judges, report, call, record)
}

async function judgeReport(
  judges: readonly ConfiguredGuardrail[],
  report: CallReport,
  call: LiveCall,
  record: CallRecord,
): Promise<CallReport> {
  // The client may be gone by now; the report is made all the same.
  const own = call.within(new Cancellation())
  const clean = async (direction: GuardedText['direction'], part: JsonObject | undefined) => {
    let value = part
    for (const guardrail of value ? judges : []) {
      const texts =
        direction === 'request' ? textsOfInput(call.operation, value!) : textsOfAnswer(call.operation, value!)
      value = await settled(guardrail, 'logging_only', direction, texts, report.input ?? {}, own, record)
    }
    return value
  }
  const input = await clean('request', report.input).catch(() => undefined)
  const output = await clean('response', report.output).catch(() => undefined)
  return { ...report, input, output }
}

function at(guardrails: readonly ConfiguredGuardrail[], hook: Hook): readonly ConfiguredGuardrail[] {
  return guardrails.filter(({ hooks }) => hooks.includes(hook))
}

/** Names in the request's `guardrails`, with the fields each adds to the judge's request. */
function wantedGuardrails(field: unknown): ReadonlyMap<string, JsonObject> {
  const entries = (Array.isArray(field) ? field : [field]).flatMap((item): readonly (readonly [string, unknown])[] =>
    typeof item === 'string' ? [[item, {}]] : isJsonObject(item) ? Object.entries(item) : [],
  )
  return new Map(
    entries.map(([name, value]) => [
      name,
      isJsonObject(value) && isJsonObject(value.extra_body) ? value.extra_body : {},
    ]),
  )
}

/** What one verdict leaves of the whole that the texts were taken from. With nothing to judge nobody is asked. */
async function settled(
  guardrail: ConfiguredGuardrail,
  hook: Hook,
  direction: GuardedText['direction'],
  { whole, texts, roles, images, replace }: Texts,
  input: JsonObject,
  call: LiveCall,
  record: CallRecord,
): Promise<JsonObject> {
  if (texts.length === 0) return whole
  const { extraBody } = guardrail
  const text = {
    direction,
    texts,
    roles,
    images,
    context: contextOf(call.operation, input),
    ...(extraBody && { extraBody }),
  }
  const verdict = await judge(guardrail, hook, text, call, record)
  if (verdict.action === 'pass') return whole
  if (verdict.action === 'rewrite') return replace(verdict.texts)
  throw new GatewayError('guardrail_blocked', `Blocked by the guardrail ${guardrail.name}: ${verdict.reason}`, {
    details: { guardrail_name: guardrail.name, ...verdict.details },
  })
}

async function* oneByOne<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items
}
