import type { AnswerCache, KeptAnswer, Visit } from '@tianjillm/cache'
import { isJsonObject, type JsonObject, parseJson } from '@tianjillm/core'
import type { Answer } from './answer.ts'
import { askModel } from './ask-model.ts'
import type { Asked } from './asked.ts'
import type { LiveCall } from './call.ts'
import type { Engine } from './engine.ts'
import type { Guards } from './guard.ts'
import type { CallRecord } from './record.ts'

/** Asks for an answer. `mustRead` keeps it from being handed on unread. */
export type FetchAnswer = (mustRead: boolean) => Promise<Answer>

/** An answer that was given before, else the one that is fetched, which is kept when it may be given again. */
export function cached(
  engine: Engine,
  guards: Guards,
  asked: Asked,
  call: LiveCall,
  record: CallRecord,
  fetchAnswer: FetchAnswer,
): Promise<Answer> {
  const { cache } = engine
  if (cache === undefined) return fetchAnswer(guards.readAnswers)
  return throughCache(cache, engine, guards, asked, call, record, fetchAnswer)
}

async function throughCache(
  cache: AnswerCache,
  engine: Engine,
  { readAnswers }: Guards,
  { input }: Asked,
  call: LiveCall,
  record: CallRecord,
  fetchAnswer: FetchAnswer,
): Promise<Answer> {
  const { operation, caller } = call
  const { tags, cacheControl } = record.arrival
  const visit = cache.visit({ operation, input, caller, tags, cacheControl })
  if (visit === undefined) return fetchAnswer(readAnswers)
  record.tell('cache-key', visit.key)
  const hit = await visit.find(askModel(engine, { call, record }))
  if (hit === undefined) {
    const isStream = input.stream === true
    return kept(await fetchAnswer(readAnswers || (isStream && visit.mayKeep)), visit, record)
  }
  record.cacheHit = true
  // As LiteLLM spells it.
  record.tell('cache-hit', 'True')
  if (hit.similarity !== undefined) record.tell('semantic-similarity', hit.similarity.toFixed(4))
  return given(hit.answer, readAnswers)
}

/** Keeps the answer, when it can be given again. What another group had to answer is good for this once. */
function kept(answer: Answer, visit: Visit, record: CallRecord): Answer {
  if (!visit.mayKeep || record.fallbacks > 0) return answer
  if (answer.type === 'stream') return { type: 'stream', chunks: visit.keepChunks(answer.chunks) }
  if (answer.type === 'json' || answer.type === 'bytes') visit.keep(answer)
  return answer
}

/** Bytes stay bytes, unless somebody wants to look into them. */
function given(answer: KeptAnswer, mustRead: boolean): Answer {
  if (answer.type === 'stream') return { type: 'stream', chunks: oneByOne(answer.chunks) }
  if (answer.type === 'json' || !mustRead) return answer
  const value = parseJson(new TextDecoder().decode(answer.bytes))
  return isJsonObject(value) ? { type: 'json', value } : answer
}

async function* oneByOne(chunks: readonly JsonObject[]): AsyncGenerator<JsonObject> {
  yield* chunks
}
