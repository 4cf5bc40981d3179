import type { Scrape } from '@tianjillm/core'
import type { FromGrantor, ToGrantor } from '@tianjillm/limits'
import type { ServingFacts } from '../greeting.ts'
import type { Reloaded } from '../reload.ts'

/** What a worker tells its primary. */
export interface WorkerTells {
  readonly ready: ServingFacts
  /** Why it could not start. */
  readonly failed: string
  readonly limits: ToGrantor
}

/** What the primary tells a worker. */
export interface PrimaryTells {
  readonly limits: FromGrantor
}

/** What either may ask, with the answer: a worker about all workers, the primary about one. */
export interface Answers {
  readonly metrics: Scrape | undefined
  /** What came of reading the configuration again. */
  readonly reload: Reloaded | undefined
}

/** What to do with what the other end says. */
export interface Ears<In> {
  readonly told: { readonly [About in keyof In]: (body: In[About]) => void }
  readonly asked: { readonly [About in keyof Answers]: () => Promise<Answers[About]> }
}

/** One end of the wire between a worker and its primary. */
export interface Channel<Out> {
  tell<About extends keyof Out>(about: About, body: Out[About]): void
  /** Rejects when there is no answer within `deadline` ms. */
  ask<About extends keyof Answers>(about: About, deadline: number): Promise<Answers[About]>
  /** To be called with every message that arrives. What is not ours is ignored. */
  receive(message: unknown): void
}

/** Questions that may be open at one time. */
const MOST_QUESTIONS = 1_000

/** Messages as they are sent; the member names tell them from those of others. */
type Message =
  | { readonly tianjiTells: PropertyKey; readonly body: unknown }
  | { readonly tianjiAsks: PropertyKey; readonly id: number }
  | { readonly tianjiAnswers: number; readonly body: unknown }

interface Question {
  readonly resolve: (answer: unknown) => void
  readonly timer: NodeJS.Timeout
}

/** A channel over something that sends messages, in the order they are given. */
export function createChannel<In, Out>(send: (message: object) => void, { told, asked }: Ears<In>): Channel<Out> {
  const questions = new Map<number, Question>()
  const say = (message: Message) => send(message)
  let lastId = 0
  return {
    tell: (about, body) => say({ tianjiTells: about, body }),
    ask(about, deadline) {
      if (questions.size >= MOST_QUESTIONS) return Promise.reject(new Error('There are too many open questions.'))
      lastId += 1
      const id = lastId
      say({ tianjiAsks: about, id })
      return new Promise((resolve, reject) => {
        const giveUp = () => {
          questions.delete(id)
          reject(new Error(`There was no answer to "${about}" within ${deadline} ms.`))
        }
        // The answer is what the other end's `asked` gave for this name.
        questions.set(id, { resolve: resolve as Question['resolve'], timer: setTimeout(giveUp, deadline).unref() })
      })
    },
    receive(message) {
      if (typeof message !== 'object' || message === null) return
      if ('tianjiTells' in message && Object.hasOwn(told, String(message.tianjiTells))) {
        // Both ends are the same program, so that what is told fits its name.
        const { tianjiTells: about, body } = message as { tianjiTells: keyof In; body: In[keyof In] }
        told[about](body)
      } else if ('tianjiAsks' in message && Object.hasOwn(asked, String(message.tianjiAsks))) {
        const { tianjiAsks: about, id } = message as { tianjiAsks: keyof Answers; id: number }
        asked[about]().then(
          (body) => say({ tianjiAnswers: id, body }),
          // Who asked runs into its deadline.
          () => {},
        )
      } else if ('tianjiAnswers' in message) {
        const { tianjiAnswers: id, body } = message as { tianjiAnswers: number; body: unknown }
        const question = questions.get(id)
        questions.delete(id)
        clearTimeout(question?.timer)
        question?.resolve(body)
      }
    },
  }
}
