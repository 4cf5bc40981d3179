import { isJsonObject, parseJson, putLatest } from '@tianjillm/core'
import { type Prompt, readPrompt } from './prompt.ts'
import type { Wanted } from './reference.ts'
import type { Source } from './source.ts'

/** Prompts that are kept elsewhere, as JSON. */
export interface PromptStore {
  find(id: string, wanted: Wanted): Promise<{ readonly content: string } | undefined>
}

/** Milliseconds for which a prompt is taken as it was: so long another gateway's change may stay unseen. */
export const STORED_LIFE = 5_000

/** How a source of stored prompts is made. */
export interface StoredSettings {
  readonly store: PromptStore
  /** Milliseconds, of a clock that does not go back. */
  readonly now: () => number
  /** Prompts that are known at one time, each version and label by itself. Default 500. */
  readonly most?: number
}

/** Prompts of a store, most of them without asking it. */
export interface StoredPrompts extends Source {
  /** Asks the store again next time. */
  forget(id: string): void
}

interface Known {
  readonly id: string
  readonly prompt: Prompt
  readonly until: number
}

/**
 * A source over a store. Many who ask for one prompt at the same time ask the store once. While the store fails, what was
 * known goes on to hold; rejects with the store's error when nothing was. What is not there is asked for each time.
 */
export function storedSource({ store, now, most = 500 }: StoredSettings): StoredPrompts {
  const known = new Map<string, Known>()
  const asking = new Map<string, { readonly id: string; readonly answer: Promise<Prompt | undefined> }>()

  const keep = (key: string, id: string, prompt: Prompt | undefined) => {
    if (prompt === undefined) known.delete(key)
    else putLatest(known, key, { id, prompt, until: now() + STORED_LIFE }, most)
  }

  const ask = async (key: string, id: string, wanted: Wanted, isCurrent: () => boolean) => {
    const before = known.get(key)
    try {
      const prompt = promptOf(await store.find(id, wanted))
      // Whoever was told to forget it meanwhile must not be given what was read before.
      if (isCurrent()) keep(key, id, prompt)
      return prompt
    } catch (error) {
      if (before === undefined) throw error
      keep(key, id, before.prompt)
      return before.prompt
    }
  }

  return {
    find(id, wanted) {
      const key = JSON.stringify([id, wanted.version, wanted.label])
      const found = known.get(key)
      if (found !== undefined && found.until > now()) return found.prompt
      const under = asking.get(key)
      if (under !== undefined) return under.answer
      const answer: Promise<Prompt | undefined> = ask(
        key,
        id,
        wanted,
        () => asking.get(key)?.answer === answer,
      ).finally(() => {
        if (asking.get(key)?.answer === answer) asking.delete(key)
      })
      asking.set(key, { id, answer })
      return answer
    },
    forget(id) {
      for (const book of [known, asking]) for (const [key, entry] of book) if (entry.id === id) book.delete(key)
    },
  }
}

function promptOf(row: { readonly content: string } | undefined): Prompt | undefined {
  if (row === undefined) return undefined
  const content = parseJson(row.content)
  if (!isJsonObject(content)) throw new Error('A stored prompt is no JSON object.')
  return readPrompt(content)
}
