import { isJsonObject, type JsonObject } from '@tianjillm/core'

/**
 * What a request's `fallbacks` want to be asked differently of a group: `{"model": "large", "messages": […]}`. Undefined
 * when nothing. https://docs.litellm.ai/docs/proxy/reliability
 */
export function changesFor(name: string, { fallbacks }: JsonObject): JsonObject | undefined {
  if (!Array.isArray(fallbacks)) return undefined
  const entry: unknown = fallbacks.find((each) => isJsonObject(each) && each.model === name)
  if (!isJsonObject(entry)) return undefined
  // The client waits for the kind of answer that it asked for at first.
  const { model: _model, stream: _stream, ...changes } = entry
  return Object.keys(changes).length === 0 ? undefined : changes
}
