import { readFile, stat } from 'node:fs/promises'
import { isSafeUrl } from '@tianjillm/core'
import type { Models } from './facts.ts'
import { sound } from './sound.ts'

/** Bytes of a map, and milliseconds it may take to come. */
const MOST_BYTES = 32 * 1024 * 1024
const DEADLINE = 30_000

/** What a map is fetched with. */
export interface FetchSettings {
  readonly fetch: typeof fetch
  /** Models of the map that was fetched before: one with less than half of them is a broken download. */
  readonly before?: number | undefined
}

/** The models of a file, in LiteLLM's shape. Rejects with an Error that says what is wrong. */
export async function readModels(path: string): Promise<Models> {
  const { size } = await stat(path)
  if (size > MOST_BYTES) throw new Error(tooLarge)
  return judged(await readFile(path, 'utf8'), 1)
}

/**
 * The models of a URL: https, or http on this machine. Rejects with an Error that says what is wrong; also when there
 * are fewer than 50, as when a download broke off.
 */
export async function fetchModels(url: string, { fetch, before = 0 }: FetchSettings): Promise<Models> {
  if (!isSafeUrl(url)) throw new Error('it must be fetched with https')
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(DEADLINE) })
  if (!response.ok) {
    await response.body?.cancel()
    throw new Error(`its server answered ${response.status}`)
  }
  const models = judged(await textOf(response), undefined)
  const count = Object.keys(models).length
  if (count >= before / 2) return models
  throw new Error(`it has ${count} models that make sense, and had ${before} before`)
}

const tooLarge = `it has more than ${MOST_BYTES / 1024 / 1024} MiB`

async function textOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  // Leaving the loop cancels what has not come yet.
  for await (const piece of body ?? []) {
    size += piece.byteLength
    if (size > MOST_BYTES) throw new Error(tooLarge)
    text += decoder.decode(piece, { stream: true })
  }
  return text + decoder.decode()
}

function judged(text: string, atLeast: number | undefined): Models {
  const judgement = sound(parsed(text), atLeast === undefined ? {} : { atLeast })
  if (judgement.isSound) return judgement.models
  throw new Error(judgement.reason)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('it is no JSON')
  }
}
