import type { JsonObject } from '@tianjillm/core'

/** Keeps a result: as it is, or what the model read of it. */
export type Keep = (result: JsonObject, read: string) => JsonObject

/** Keeps results whole as long as they have room in so many UTF-16 units of JSON: a model must not fill the memory. */
export function keepResults(most: number): Keep {
  let kept = 0
  return (result, read) => {
    kept += JSON.stringify(result).length
    if (kept <= most) return result
    return { content: [{ type: 'text', text: read }], ...(result.isError === true && { isError: true }) }
  }
}
