export { countText, countTexts } from './count-texts.ts'
export { countTokens } from './count-tokens.ts'
export { estimateUsage, type Said } from './estimate-usage.ts'
