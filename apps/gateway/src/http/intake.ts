import type { IncomingHttpHeaders } from 'node:http'
import type { GeneralSettings } from '@tianjillm/config'
import { isJsonObject, type JsonObject, type OperationName } from '@tianjillm/core'
import type { Asked } from '@tianjillm/engine'

/** What the operator changes about every request. https://docs.litellm.ai/docs/proxy/config_settings */
export interface Intake {
  /** Models that are asked for, whatever a request says. */
  readonly models: Readonly<Partial<Record<OperationName, string>>>
  /** Whether streams count their tokens although nobody asked for it. */
  readonly includesUsage: boolean
  /** Whether vendors see the `x-…` headers of clients. */
  readonly forwardsHeaders: boolean
  /** A header that may hold a key of the gateway. */
  readonly keyHeader: string | undefined
}

/** The intake that the settings ask for; undefined when they ask for none. */
export function intakeOf(general: GeneralSettings): Intake | undefined {
  const { completionModel, embeddingModel, imageGenerationModel, keyHeaderName } = general
  const models = {
    ...(completionModel !== undefined && { chat: completionModel, completion: completionModel }),
    ...(embeddingModel !== undefined && { embedding: embeddingModel }),
    ...(imageGenerationModel !== undefined && {
      ...{ image: imageGenerationModel, imageEdit: imageGenerationModel, imageVariation: imageGenerationModel },
    }),
  }
  const includesUsage = general.alwaysIncludeStreamUsage
  const forwardsHeaders = general.forwardClientHeadersToLlmApi
  if (Object.keys(models).length === 0 && !includesUsage && !forwardsHeaders) return undefined
  return { models, includesUsage, forwardsHeaders, keyHeader: keyHeaderName }
}

/** The request as the operator wants it; its bytes hold no longer when it was changed. */
export function takenIn(intake: Intake, operation: OperationName, asked: Asked, headers: IncomingHttpHeaders): Asked {
  const changes = {
    ...(intake.includesUsage && usageFor(operation, asked.input)),
    ...(intake.forwardsHeaders && headersFor(asked.input, headers, intake.keyHeader)),
  }
  return Object.keys(changes).length === 0 ? asked : { input: { ...asked.input, ...changes } }
}

function usageFor(operation: OperationName, { stream, stream_options }: JsonObject): JsonObject {
  const counts = operation === 'chat' || operation === 'completion'
  if (!counts || stream !== true || (isJsonObject(stream_options) && 'include_usage' in stream_options)) return {}
  return { stream_options: { ...(isJsonObject(stream_options) && stream_options), include_usage: true } }
}

/** Headers that are the gateway's own, those of proxies in front of it, and those that say which program asks. */
const kept = /^x-(?!litellm-|tianji-|api-key$|goog-api-key$|forwarded-|real-ip$|request-id$|stainless-)/

/** A client's own `extra_headers` come before its headers. */
function headersFor({ extra_headers }: JsonObject, headers: IncomingHttpHeaders, keyHeader?: string): JsonObject {
  const own = Object.entries(headers).filter(
    ([name, value]) => kept.test(name) && name !== keyHeader && typeof value === 'string',
  )
  if (own.length === 0) return {}
  return { extra_headers: { ...Object.fromEntries(own), ...(isJsonObject(extra_headers) && extra_headers) } }
}
