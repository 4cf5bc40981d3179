import {
  type ApiOptions,
  type Awaitable,
  apiOptions,
  type Call,
  compact,
  defineGuardrail,
  GatewayError,
  type GuardedText,
  type GuardrailPlugin,
  type Hook,
  type Host,
  type JsonObject,
  requiredKey,
  requiredSetting,
  setting,
  trimSlash,
  type Verdict,
} from '@tianjillm/core'
import * as v from 'valibot'
import { askJudge } from './ask-judge.ts'

/** Where the judge is, as it was found in options and environment. */
export interface JudgeSettings {
  /** Empty when the judge wants no key. */
  readonly apiKey: string
  /** Without a trailing slash. */
  readonly apiBase: string
}

/** One question to the judge. */
export interface Question {
  /** Below the base URL, with the query: `/v2/guard`. */
  readonly path: string
  /** Beside the key's own. */
  readonly headers?: Readonly<Record<string, string>>
  /** Members that are undefined are left out. */
  readonly body: JsonObject
}

type Options<Entries extends v.ObjectEntries> = ApiOptions & v.InferOutput<v.ObjectSchema<Entries, undefined>>
type Settings<Entries extends v.ObjectEntries> = Options<Entries> & JudgeSettings

/** A judge that is asked over HTTP, as data. */
export interface HttpGuardrailFacts<Entries extends v.ObjectEntries, Answer extends v.GenericSchema> {
  readonly name: string
  readonly title: string
  readonly docs: string
  readonly hooks: readonly Hook[]
  /** Environment variables of the key, the first one first. Absent for a judge that wants none. */
  readonly apiKeyEnv?: string | readonly string[]
  /** Whether the judge may be asked without a key. Default: when it has no `apiKeyEnv`. */
  readonly isKeyOptional?: boolean
  /** Headers that carry the key. Default: `authorization: Bearer <key>`. */
  readonly auth?: (apiKey: string) => Readonly<Record<string, string>>
  /** Absent when every customer has an own one: then it must be configured. */
  readonly baseURL?: string
  /** Environment variables that replace the base URL. Default: `<NAME>_API_BASE`. */
  readonly baseEnv?: readonly string[]
  /** Options beside `apiKey` and `apiBase`. */
  readonly options: Entries
  /** What of the judge's answer is needed; one that does not fit is an answer without a verdict. */
  readonly answer: Answer
  /** How to ask; undefined when there is nothing in the text to ask about, which then passes. */
  request(text: GuardedText, settings: Settings<Entries>, call: Call): Awaitable<Question | undefined>
  /** How to read the answer. */
  verdict(answer: v.InferOutput<Answer>, text: GuardedText, settings: Settings<Entries>, call: Call): Verdict
}

/**
 * A guardrail that posts JSON and reads a verdict: the vendor is data, the wire is here. What the client adds for the
 * judge (`extra_body`) goes along, but never replaces what the gateway sends.
 */
export function httpGuardrail<const Entries extends v.ObjectEntries, Answer extends v.GenericSchema>(
  facts: HttpGuardrailFacts<Entries, Answer>,
): GuardrailPlugin<Options<Entries>> {
  const { name, title, docs, hooks } = facts
  const schema = v.object({ ...apiOptions, ...facts.options })
  return defineGuardrail({
    name,
    title,
    docs,
    // The output of a generic schema is opaque to the compiler; `Options` says the same.
    options: schema as unknown as v.GenericSchema<unknown, Options<Entries>>,
    create(options, host) {
      const settings = { ...options, apiKey: keyOf(facts, options, host), apiBase: baseOf(facts, options, host) }
      const auth = facts.auth ?? ((apiKey) => ({ authorization: `Bearer ${apiKey}` }))
      const keyHeaders = settings.apiKey === '' ? {} : auth(settings.apiKey)
      return {
        hooks,
        async check(text, call) {
          const question = await facts.request(text, settings, call)
          if (question === undefined) return { action: 'pass' }
          const request = {
            url: `${settings.apiBase}${question.path}`,
            headers: { ...keyHeaders, ...question.headers },
            body: { ...text.extraBody, ...compact(question.body) },
          }
          const verdict = facts.verdict(await askJudge(name, request, facts.answer, call), text, settings, call)
          return fitting(name, verdict, text)
        },
      }
    },
  })
}

type KeyFacts = Pick<HttpGuardrailFacts<v.ObjectEntries, v.GenericSchema>, 'name' | 'apiKeyEnv' | 'isKeyOptional'>
type BaseFacts = Pick<HttpGuardrailFacts<v.ObjectEntries, v.GenericSchema>, 'name' | 'baseURL' | 'baseEnv'>

function keyOf({ name, apiKeyEnv = [], isKeyOptional }: KeyFacts, { apiKey }: ApiOptions, host: Host): string {
  const names = typeof apiKeyEnv === 'string' ? [apiKeyEnv] : apiKeyEnv
  return (isKeyOptional ?? names.length === 0)
    ? (setting(apiKey, host, ...names) ?? '')
    : requiredKey(name, apiKey, host, ...names)
}

function baseOf({ name, baseURL, baseEnv }: BaseFacts, { apiBase }: ApiOptions, host: Host): string {
  const names = baseEnv ?? [`${name.toUpperCase()}_API_BASE`]
  const base =
    setting(apiBase, host, ...names) ??
    baseURL ??
    requiredSetting(name, { title: 'API base', option: 'api_base' }, undefined, host, ...names)
  if (/^https?:/i.test(base) && URL.canParse(base)) return trimSlash(base)
  throw new GatewayError(
    'misconfigured',
    `${name}: the API base must be an http or https URL. Mend ${names[0]} or litellm_params.api_base.`,
    { provider: name },
  )
}

/** Texts are written back by position, so a judge that answers another number of them was not understood. */
function fitting(name: string, verdict: Verdict, { texts }: GuardedText): Verdict {
  if (verdict.action !== 'rewrite' || verdict.texts.length === texts.length) return verdict
  throw new GatewayError(
    'guardrail_unavailable',
    `${name}: the judge rewrote ${verdict.texts.length} texts where ${texts.length} were sent.`,
    { provider: name },
  )
}
