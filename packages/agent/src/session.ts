import type { ChatMessage, JsonObject } from '@tianjillm/core'

/** A conversation that goes on. Times in milliseconds since the epoch. */
export interface Session {
  /** A UUID. */
  readonly id: string
  /** Whose it is; to everybody else it is unknown. */
  readonly owner: string
  readonly createdAt: number
  readonly updatedAt: number
  /** What users asked, what models called and answered, and what they read of tools. */
  readonly messages: readonly ChatMessage[]
  /** What models are told of it. */
  readonly context: JsonObject
  readonly providerPreference: string | undefined
  /** Of the messages, that are kept. */
  readonly maxMessages: number
  /** How often it was saved. */
  readonly version: number
}

/** Where sessions are kept. */
export interface SessionStore {
  create(session: Session): Promise<void>
  find(owner: string, id: string): Promise<Session | undefined>
  /**
   * Saves a session of the version that it was found with; it has the next one from then on. False, and nothing is saved,
   * when somebody else has saved it since, or it is gone.
   */
  save(session: Session): Promise<boolean>
  /** Whether there was one. */
  delete(owner: string, id: string): Promise<boolean>
}
