import { LRUCache } from 'lru-cache'

/** An answer to a question that means about the same. */
export interface Similar {
  readonly value: string
  /** Cosine of both questions, up to 1. */
  readonly similarity: number
}

/** Answers that are found by what was asked, within scopes that share nothing. */
export interface SimilarAnswers {
  /** The answer to the closest question of the scope among those that `isFresh` takes, if it is close enough. */
  find(scope: string, vector: Float32Array, isFresh: (value: string) => boolean): Similar | undefined
  /** `life` in milliseconds. */
  add(key: string, scope: string, vector: Float32Array, value: string, life: number): void
  delete(key: string): void
  clear(): void
}

/** What similar answers are kept by. */
export interface SimilarAnswersSettings {
  /** How close is close enough, from 0 to 1. */
  readonly threshold: number
  /** Questions of one scope; the oldest go first. Default 10,000. */
  readonly maxPerScope?: number | undefined
  /** Bytes of all vectors and answers. Default 100 MiB. */
  readonly maxBytes?: number | undefined
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

interface Entry {
  readonly scope: string
  /** Of length 1. */
  readonly vector: Float32Array
  readonly value: string
  readonly expires: number
}

/** Bytes that an entry takes besides. */
const OVERHEAD = 500

/** Similar answers in memory. All questions of a scope are compared, which for 10,000 takes about 15 ms. */
export function similarAnswers({
  threshold,
  maxPerScope = 10_000,
  maxBytes = 100 * 1024 * 1024,
  now,
}: SimilarAnswersSettings): SimilarAnswers {
  const scopes = new Map<string, Map<string, Entry>>()
  const entries = new LRUCache<string, Entry>({
    maxSize: maxBytes,
    sizeCalculation: ({ vector, value }) => OVERHEAD + vector.byteLength + 2 * value.length,
    dispose({ scope }, key) {
      const within = scopes.get(scope)
      within?.delete(key)
      if (within?.size === 0) scopes.delete(scope)
    },
  })
  return {
    find(scope, vector, isFresh) {
      const asked = normalised(vector)
      const time = now()
      let best: { readonly key: string; readonly similarity: number } | undefined
      for (const [key, entry] of scopes.get(scope) ?? []) {
        if (entry.expires <= time) {
          entries.delete(key)
          continue
        }
        const similarity = product(asked, entry.vector)
        if (similarity >= (best?.similarity ?? threshold) && isFresh(entry.value)) best = { key, similarity }
      }
      if (best === undefined) return undefined
      return { value: entries.get(best.key)!.value, similarity: Math.min(1, best.similarity) }
    },
    add(key, scope, vector, value, life) {
      entries.delete(key)
      const within = scopes.get(scope)
      if (within !== undefined && within.size >= maxPerScope) entries.delete(within.keys().next().value!)
      const entry = { scope, vector: normalised(vector), value, expires: now() + life }
      entries.set(key, entry)
      if (!entries.has(key)) return
      const current = scopes.get(scope)
      if (current === undefined) scopes.set(scope, new Map([[key, entry]]))
      else current.set(key, entry)
    },
    delete(key) {
      entries.delete(key)
    },
    clear: () => entries.clear(),
  }
}

function normalised(vector: Float32Array): Float32Array {
  const length = Math.sqrt(product(vector, vector))
  return length === 0 ? vector : vector.map((number) => number / length)
}

/** Vectors of other models have other lengths, and are like nothing here. */
function product(one: Float32Array, other: Float32Array): number {
  if (one.length !== other.length) return 0
  // Four sums side by side, for then no addition waits for the one before: twice as fast.
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  let index = 0
  const last = one.length - 3
  for (; index < last; index += 4) {
    a += one[index]! * other[index]!
    b += one[index + 1]! * other[index + 1]!
    c += one[index + 2]! * other[index + 2]!
    d += one[index + 3]! * other[index + 3]!
  }
  for (; index < one.length; index++) a += one[index]! * other[index]!
  return a + b + c + d
}
