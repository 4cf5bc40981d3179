import { agentError } from './error-codes.ts'

/** All control characters but tab and line feed. */
const controls = /[^\P{Cc}\t\n]/gu

/** A query as models read it: well-formed, without control characters. Throws `INVALID_QUERY` for none, and for too long a one. */
export function readQuery(text: unknown, most: number): string {
  if (typeof text !== 'string') throw invalid('A query is a text.')
  const content = text.replaceAll(/\r\n?/g, '\n').toWellFormed().replaceAll(controls, '').trim()
  if (content === '') throw invalid('The query is empty. Say what you want to know.')
  const { length } = content.length > most ? [...content] : content
  if (length <= most) return content
  throw invalid(`The query has ${length} characters; ${most} is the most. Make it shorter, or split it.`)
}

function invalid(message: string) {
  return agentError('invalid_request', 'INVALID_QUERY', message, { param: 'content' })
}
