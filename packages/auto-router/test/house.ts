import type { AskModel, JsonObject } from '@tianjillm/core'
import { type StubLog, stubLog } from '@tianjillm/testing'
import type { House, Occasion } from '../src/index.ts'

/** A gateway around an auto-router: its clock is set by hand, its log kept. */
export interface StubHouse extends House {
  readonly log: StubLog
  time: number
}

/** A house with these groups, and what is known of their eyes. */
export function stubHouse(groups: Readonly<Record<string, boolean | undefined>>): StubHouse {
  return {
    log: stubLog(),
    time: 0,
    now() {
      return this.time
    },
    problemWith: (group) => (group in groups ? undefined : `The model "${group}" is not configured.`),
    canSee: (group) => groups[group],
  }
}

/** Asks this in the course of a call and apart from it. */
export function occasionOf(ask: AskModel): Occasion {
  return { ask, askApart: ask }
}

/** For decisions that ask nobody. */
export const alone: Occasion = occasionOf(() => Promise.reject(new Error('Nobody was to be asked.')))

/** A request for a chat with these messages of the user. */
export function says(...contents: readonly (string | readonly JsonObject[])[]): JsonObject {
  return { messages: contents.map((content) => ({ role: 'user', content })) }
}
