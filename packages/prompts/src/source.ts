import { type Awaitable, type Call, GatewayError, type JsonObject, type PromptSource } from '@tianjillm/core'
import { parseDotprompt } from './dotprompt.ts'
import { LATEST, type Prompt, readPrompt } from './prompt.ts'
import type { Wanted } from './reference.ts'

/** Where prompts come from. */
export interface Source {
  /** Undefined when there is no such prompt, or no such version of it. */
  find(id: string, wanted: Wanted, call: Call): Awaitable<Prompt | undefined>
}

/** Versions of prompts that are known beforehand, by their ids; the last one is the newest. */
export type FixedPrompts = ReadonlyMap<string, ReadonlyMap<number, Prompt>>

/** Prompts that are known beforehand and have no labels. */
export function fixedSource(prompts: FixedPrompts): Source {
  return {
    find(id, { version, label }) {
      const versions = prompts.get(id)
      if (label !== undefined && label !== LATEST) return undefined
      return versions?.get(version ?? Math.max(...versions.keys()))
    },
  }
}

/**
 * A plugin's prompts: `{template | messages, model?, parameters?, variables?}`, or `{dotprompt}` with the text of a
 * `.prompt` file. `name` is whose they are, for messages.
 */
export function pluginSource(name: string, source: PromptSource): Source {
  return {
    async find(id, wanted, call) {
      const found = await source.find(id, wanted, call)
      return found && promptFrom(name, found)
    },
  }
}

/** What another service gave as a prompt. Throws GatewayError `upstream_invalid_response` when it is none. */
export function promptFrom(name: string, found: JsonObject): Prompt {
  try {
    return typeof found.dotprompt === 'string' ? parseDotprompt(found.dotprompt) : readPrompt(found)
  } catch (cause) {
    const reason = cause instanceof GatewayError ? cause.message : 'It is no prompt.'
    throw new GatewayError('upstream_invalid_response', `${name}: the prompt cannot be used. ${reason}`, {
      provider: name,
      cause,
    })
  }
}

/** The prompt of the first source that has it. Rejects with GatewayError `not_found`, code `prompt_not_found`. */
export async function findPrompt(sources: readonly Source[], id: string, wanted: Wanted, call: Call): Promise<Prompt> {
  for (const source of sources) {
    const found = await source.find(id, wanted, call)
    if (found !== undefined) return found
  }
  throw promptNotFound(id, wanted)
}

/** That there is no such prompt, or no such version of one. */
export function promptNotFound(id: string, { version, label }: Wanted): GatewayError {
  const which =
    version === undefined ? label && ` with the label "${label.slice(0, 100)}"` : ` with the version ${version}`
  return new GatewayError('not_found', `There is no prompt "${id.slice(0, 100)}"${which ?? ''}.`, {
    code: 'prompt_not_found',
    param: 'prompt_id',
  })
}
