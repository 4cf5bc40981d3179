export type { TokenFacts, TokenRole } from './token-facts.ts'
export { createTokenReader, type TokenReader } from './token-reader.ts'
