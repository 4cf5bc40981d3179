import type { ApiOptions, GuardedText, GuardrailPlugin, JsonObject } from '@tianjillm/core'
import { conversation, httpGuardrail } from '@tianjillm/http-guardrail'
import * as v from 'valibot'

/** Options of Lakera Guard. */
export interface LakeraV2Options extends ApiOptions {
  /** Project whose policy judges. Default: the key's default policy. */
  readonly projectId?: string | undefined
  /** Asks where findings are; without it nothing can be masked. Default true. */
  readonly payload: boolean
  /** Asks which detectors found something; without it nothing can be masked. Default true. */
  readonly breakdown: boolean
  /** Asks for the version of the judge. Default true. */
  readonly devInfo: boolean
  /** Sent along, for Lakera's own logs. */
  readonly metadata?: JsonObject | undefined
  /** What happens to text that is flagged for more than personal data. Default `block`. */
  readonly onFlagged: 'block' | 'monitor'
}

const finding = v.object({
  start: v.pipe(v.number(), v.integer(), v.minValue(0)),
  end: v.number(),
  text: v.nullish(v.string()),
  detector_type: v.string(),
  message_id: v.number(),
})

const detection = v.object({
  project_id: v.nullish(v.string()),
  policy_id: v.nullish(v.string()),
  detector_id: v.nullish(v.string()),
  detector_type: v.string(),
  detected: v.boolean(),
  message_id: v.nullish(v.number()),
})

const answer = v.object({
  flagged: v.boolean(),
  payload: v.nullish(v.array(finding), []),
  breakdown: v.nullish(v.array(detection), []),
})

type Finding = v.InferOutput<typeof finding>
type Detection = v.InferOutput<typeof detection>

/** A stretch of UTF-16 units, `end` not within. */
interface Span {
  readonly start: number
  readonly end: number
  readonly label: string
}

/**
 * Lakera Guard judges conversations; personal data is masked, anything else blocks or is only reported.
 * https://docs.lakera.ai/docs/api/guard
 */
export const lakeraV2: GuardrailPlugin<LakeraV2Options> = httpGuardrail({
  name: 'lakera_v2',
  title: 'Lakera Guard',
  docs: 'https://docs.lakera.ai/docs/api/guard',
  hooks: ['pre_call', 'during_call', 'post_call'],
  apiKeyEnv: 'LAKERA_API_KEY',
  baseURL: 'https://api.lakera.ai',
  baseEnv: ['LAKERA_API_BASE'],
  options: {
    projectId: v.optional(v.string()),
    payload: v.optional(v.boolean(), true),
    breakdown: v.optional(v.boolean(), true),
    devInfo: v.optional(v.boolean(), true),
    metadata: v.optional(v.record(v.string(), v.unknown())),
    onFlagged: v.optional(v.picklist(['block', 'monitor']), 'block'),
  },
  answer,
  request(text, { projectId, payload, breakdown, metadata, devInfo }) {
    if (text.texts.length === 0) return undefined
    const { messages } = conversation(text)
    return {
      path: '/v2/guard',
      body: { messages, project_id: projectId, payload, breakdown, metadata, dev_info: devInfo },
    }
  },
  verdict({ flagged, breakdown, payload }, text, { onFlagged }, call) {
    if (!flagged) return { action: 'pass' }
    const detected = breakdown.filter((entry) => entry.detected)
    const texts = withoutPersonalData(text, detected, payload)
    if (texts !== undefined) {
      const isSame = texts.every((masked, index) => masked === text.texts[index])
      return isSame ? { action: 'pass' } : { action: 'rewrite', texts }
    }
    if (onFlagged === 'monitor') {
      call.log.warn('lakera_v2: text was flagged and let through, as on_flagged is monitor.', {
        call: call.id,
        direction: text.direction,
        detectors: detected.map(({ detector_type }) => detector_type),
      })
      return { action: 'pass' }
    }
    return {
      action: 'block',
      reason: 'Violated guardrail policy',
      details: { lakera_guardrail_response: { flagged, breakdown } },
    }
  },
})

/** The texts with personal data masked; undefined when more was found, or something that cannot be located. */
function withoutPersonalData(
  text: GuardedText,
  detected: readonly Detection[],
  payload: readonly Finding[],
): readonly string[] | undefined {
  const { messages, offset } = conversation(text)
  const personal = payload.filter((entry) => isPersonal(entry) && entry.message_id < messages.length)
  const isLocated = ({ detector_type, message_id }: Detection) =>
    personal.some(
      (entry) => entry.detector_type === detector_type && entry.message_id === (message_id ?? entry.message_id),
    )
  if (detected.length === 0 || !detected.every(isLocated)) return undefined
  const texts = text.texts.map((content, index) =>
    mask(
      content,
      personal.filter(({ message_id }) => message_id === offset + index),
    ),
  )
  return texts.every((content) => content !== undefined) ? texts : undefined
}

function isPersonal({ detector_type }: { readonly detector_type: string }): boolean {
  return detector_type.startsWith('pii/')
}

/** Findings that overlap become one, named by the first. */
function mask(content: string, findings: readonly Finding[]): string | undefined {
  const spans = findings.map((finding) => locate(content, finding))
  if (!spans.every((span) => span !== undefined)) return undefined
  let masked = ''
  let end = 0
  for (const span of spans.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    if (span.start >= end) masked += `${content.slice(end, span.start)}[MASKED ${span.label}]`
    end = Math.max(end, span.end)
  }
  return masked + content.slice(end)
}

/** Lakera does not say whether it counts UTF-16 units or code points, nor whether `end` is within: the text it found tells. */
function locate(content: string, { start, end, text, detector_type }: Finding): Span | undefined {
  const label = detector_type.slice('pii/'.length).toUpperCase()
  if (!text) return start < end && end <= content.length ? { start, end, label } : undefined
  const from = content.startsWith(text, start) ? start : Array.from(content).slice(0, start).join('').length
  return content.startsWith(text, from) ? { start: from, end: from + text.length, label } : undefined
}
