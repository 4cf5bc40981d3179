import { isGatewayError } from '@tianjillm/core'
import type { Answer } from './answer.ts'
import type { LiveCall } from './call.ts'
import type { CallRecord } from './record.ts'
import type { Route } from './send.ts'

/** The answer of the first deployment that gives one. An error that no other deployment would mend ends it at once. */
export async function attempt(
  routes: readonly Route[],
  call: LiveCall,
  record: CallRecord,
  ask: (route: Route) => Promise<Answer>,
): Promise<Answer> {
  for (const [index, route] of routes.entries()) {
    record.attempts++
    record.deployment = route.deployment
    record.model = route.model
    record.upstreamStartTime = call.now()
    try {
      const answer = await ask(route)
      return answer.type === 'stream' ? await primed(answer) : answer
    } catch (error) {
      const isLast = index === routes.length - 1
      if (isLast || !isGatewayError(error) || !error.isRetryable || call.cancellation.isAborted) throw error
    }
  }
  throw new Error('A plan has at least one route.')
}

/** The answer once its first chunk is there, so that a stream that breaks before it is an error like any other. */
async function primed(answer: Extract<Answer, { readonly type: 'stream' }>): Promise<Answer> {
  const chunks = answer.chunks[Symbol.asyncIterator]()
  const first = await chunks.next()
  return { type: 'stream', chunks: startingWith(first, chunks) }
}

async function* startingWith<Chunk>(
  first: IteratorResult<Chunk>,
  rest: AsyncIterator<Chunk>,
): AsyncGenerator<Chunk, void, undefined> {
  try {
    for (let next = first; !next.done; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}
