import type { AskModel, Caller, JsonObject, OperationName } from '@tianjillm/core'
import { answerKey } from './answer-key.ts'
import { type CacheMode, type Controls, readControls } from './controls.ts'
import type { Embedder } from './embedder.ts'
import { type DatedAnswer, type KeptAnswer, readAnswer, writeAnswer, writeStream } from './kept-answer.ts'
import { questionOf } from './question.ts'
import { recorded } from './recorded.ts'
import type { SimilarAnswers } from './similar-answers.ts'
import type { Store } from './store.ts'

/** Gives answers again. */
export interface AnswerCache {
  /**
   * What the cache does for a request; undefined when it has nothing to do with it. Throws GatewayError
   * `invalid_request` for controls it cannot understand.
   */
  visit(request: CacheRequest): Visit | undefined
  /** Forgets answers by their keys. */
  delete(keys: readonly string[]): Promise<void>
  /** Forgets all answers. */
  clear(): Promise<void>
  /** Whether what is kept can be got again. */
  isHealthy(): Promise<boolean>
}

/** A request that may have been answered before. */
export interface CacheRequest {
  readonly operation: OperationName
  readonly input: JsonObject
  readonly caller: Caller
  readonly tags: readonly string[]
  /** The client's `Cache-Control`. */
  readonly cacheControl: string | undefined
}

/** One request at the cache. */
export interface Visit {
  readonly key: string
  /** Whether a new answer may be kept. */
  readonly mayKeep: boolean
  /** The answer, when there is one. `ask` is for finding it by meaning. Never rejects. */
  find(ask: AskModel): Promise<Hit | undefined>
  /** Keeps a whole answer. */
  keep(answer: Exclude<KeptAnswer, { readonly type: 'stream' }>): void
  /** The same chunks, which are kept once all of them have gone. */
  keepChunks(chunks: AsyncIterable<JsonObject>): AsyncIterable<JsonObject>
}

/** An answer that was given before. */
export interface Hit {
  readonly answer: KeptAnswer
  /** Cosine of this question and the one it was given to; undefined when the request is the very same. */
  readonly similarity: number | undefined
}

/** To whom an answer may be given again: those with the same key, of the same team, or everybody. */
export type Sharing = 'key' | 'team' | 'all'

/** What a cache is made of. */
export interface AnswerCacheSettings {
  readonly store: Store
  /** Which configuration is in force: with another one old answers are not found any more. */
  readonly scope: string
  /** Default: chat, text completions and embeddings. */
  readonly operations?: ReadonlySet<OperationName> | undefined
  /** Default `default_on`. */
  readonly mode?: CacheMode | undefined
  /** For requests that name none. */
  readonly namespace?: string | undefined
  /** Milliseconds, for requests that say nothing. Default ten minutes. */
  readonly life?: number | undefined
  /** Default `key`. */
  readonly sharing?: Sharing | undefined
  /** Characters of the largest answer that is kept. Default 1 Mi. */
  readonly maxLength?: number | undefined
  /** Finds answers to chats that mean the same. */
  readonly semantic?: { readonly embed: Embedder; readonly answers: SimilarAnswers } | undefined
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

const usualOperations: ReadonlySet<OperationName> = new Set(['chat', 'completion', 'embedding'])

/** A cache of answers over a store. */
export function createAnswerCache(settings: AnswerCacheSettings): AnswerCache {
  const { store, semantic, operations = usualOperations, mode = 'default_on' } = settings
  return {
    visit(request) {
      if (!operations.has(request.operation)) return undefined
      const controls = readControls(request.input, request.cacheControl, mode)
      if (controls === undefined) return undefined
      try {
        return new KeyedVisit(settings, request, controls)
      } catch (error) {
        // A request nested so deeply that it cannot be written has no key; whoever sends it refuses it.
        if (error instanceof RangeError) return undefined
        throw error
      }
    },
    async delete(keys) {
      for (const key of keys) semantic?.answers.delete(key)
      await Promise.all(keys.map((key) => store.delete(key)))
    },
    async clear() {
      semantic?.answers.clear()
      await store.clear()
    },
    async isHealthy() {
      // Each time another, for others may be looking as well.
      const key = `ping ${settings.now()}`
      await store.set(key, 'pong', 10_000)
      return (await store.get(key)) === 'pong'
    },
  }
}

/** What is known of a chat's question, once it was asked for. */
interface Meaning {
  readonly scope: string
  readonly vector: Float32Array
}

const DEFAULT_LIFE = 600_000
/** A year, for a time too far away is none to some stores. */
const LONGEST_LIFE = 31_536_000_000
const LONGEST = 1024 * 1024

class KeyedVisit implements Visit {
  readonly key: string
  readonly mayKeep: boolean
  readonly #settings: AnswerCacheSettings
  readonly #request: CacheRequest
  readonly #controls: Controls
  #meaning: Meaning | undefined

  constructor(settings: AnswerCacheSettings, request: CacheRequest, controls: Controls) {
    this.#settings = settings
    this.#request = request
    this.#controls = controls
    this.mayKeep = controls.mayKeep
    this.key = this.#keyOf(request.input)
  }

  async find(ask: AskModel): Promise<Hit | undefined> {
    if (!this.#controls.mayRead) return undefined
    const same = this.#fresh(await this.#settings.store.get(this.key))
    return same === undefined ? this.#findSimilar(ask) : { answer: same.answer, similarity: undefined }
  }

  keep(answer: Exclude<KeptAnswer, { readonly type: 'stream' }>): void {
    this.#keepText(writeAnswer(answer, this.#settings.now()))
  }

  keepChunks(chunks: AsyncIterable<JsonObject>): AsyncIterable<JsonObject> {
    return recorded(chunks, this.#longest, (texts) => this.#keepText(writeStream(texts, this.#settings.now())))
  }

  async #findSimilar(ask: AskModel): Promise<Hit | undefined> {
    const { semantic } = this.#settings
    const { operation, input } = this.#request
    const question = semantic && operation === 'chat' ? questionOf(input) : undefined
    if (semantic === undefined || question === undefined) return undefined
    const vector = await semantic.embed(question.text, ask)
    if (vector === undefined) return undefined
    const scope = this.#keyOf(question.rest)
    this.#meaning = { scope, vector }
    const found = semantic.answers.find(scope, vector, (value) => this.#fresh(value) !== undefined)
    const dated = found && this.#fresh(found.value)
    return dated && { answer: dated.answer, similarity: found.similarity }
  }

  #keepText(text: string | undefined): void {
    if (text === undefined || text.length > this.#longest || !this.mayKeep) return
    const { store, semantic, life: usual = DEFAULT_LIFE } = this.#settings
    const life = Math.min(this.#controls.life ?? usual, LONGEST_LIFE)
    void store.set(this.key, text, life)
    // An older answer to the same question is not true any more, also where this one's meaning is not known.
    if (this.#meaning === undefined) semantic?.answers.delete(this.key)
    else semantic?.answers.add(this.key, this.#meaning.scope, this.#meaning.vector, text, life)
  }

  #fresh(text: string | undefined): DatedAnswer | undefined {
    const dated = text === undefined ? undefined : readAnswer(text)
    return dated && this.#settings.now() - dated.time <= this.#controls.oldest ? dated : undefined
  }

  #keyOf(input: JsonObject): string {
    const { scope, sharing = 'key', namespace } = this.#settings
    const { operation, caller, tags } = this.#request
    const facts = { operation, input, scope, tenant: tenantOf(caller, sharing), tags }
    return answerKey({ ...facts, namespace: this.#controls.namespace ?? namespace })
  }

  get #longest(): number {
    return this.#settings.maxLength ?? LONGEST
  }
}

/** A key without a team shares with itself alone. */
function tenantOf({ keyHash, teamId }: Caller, sharing: Sharing): string | undefined {
  if (sharing === 'all') return undefined
  return sharing === 'team' && teamId !== undefined ? `team ${teamId}` : keyHash && `key ${keyHash}`
}
