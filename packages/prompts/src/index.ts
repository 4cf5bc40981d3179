export { type PromptChange, readChange, readTrial } from './bodies.ts'
export { dotpromptOf, parseDotprompt } from './dotprompt.ts'
export { expand, resolve, takesPrompts } from './expand.ts'
export { type Draft, LATEST, type Prompt, type PromptMessage, promptName, readDraft, readPrompt } from './prompt.ts'
export { type PromptServer, serverSource } from './prompt-server.ts'
export { type Reference, readReference, versionOf, type Wanted } from './reference.ts'
export {
  type FixedPrompts,
  findPrompt,
  fixedSource,
  pluginSource,
  promptNotFound,
  type Source,
} from './source.ts'
export { type PromptStore, STORED_LIFE, type StoredPrompts, type StoredSettings, storedSource } from './stored.ts'
export { parseTemplate, render, type Template } from './template.ts'
export type { Declaration, Declarations, Scalar, VariableType } from './variables.ts'
