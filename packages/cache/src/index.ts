export {
  type AnswerCache,
  type AnswerCacheSettings,
  type CacheRequest,
  createAnswerCache,
  type Hit,
  type Sharing,
  type Visit,
} from './answer-cache.ts'
export { answerKey, type KeyFacts } from './answer-key.ts'
export type { CacheMode } from './controls.ts'
export { type DiskStoreSettings, diskStore } from './disk-store.ts'
export { createEmbedder, type Embedder, type EmbedderSettings } from './embedder.ts'
export type { KeptAnswer } from './kept-answer.ts'
export { type MemoryStoreSettings, memoryStore } from './memory-store.ts'
export { type SimilarAnswers, type SimilarAnswersSettings, similarAnswers } from './similar-answers.ts'
export type { Store } from './store.ts'
export { type TieredStoreSettings, tieredStore } from './tiered-store.ts'
