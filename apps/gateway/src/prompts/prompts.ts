import type { Config, Problem } from '@tianjillm/config'
import { type Call, GatewayError, type JsonObject, type OperationName } from '@tianjillm/core'
import type { ConfiguredCallback } from '@tianjillm/engine'
import type { Source, StoredPrompts } from '@tianjillm/prompts'
import type { Prompts as PromptTable } from '@tianjillm/tenancy'
import type { ConfiguredPrompts } from './configured.ts'

/** A request in which a prompt stands in place of its name. */
export interface PromptedRequest {
  readonly input: JsonObject
  /** The model that the prompt is bound to. */
  readonly boundModel: string | undefined
}

/** The prompts that requests may name. Nothing of it is loaded before the first one is named or configured. */
export interface Prompts {
  /** What requests for a group name when they name no prompt: its fields, by group. Undefined when no group has one. */
  readonly ofGroups: ReadonlyMap<string, JsonObject> | undefined
  /** Those of the configuration; undefined when there are none. */
  readonly configured: ConfiguredPrompts | undefined
  /**
   * The request with the prompt that it names; undefined for an operation that has no prompts. Rejects with GatewayError
   * `not_found`, code `prompt_not_found`, or `invalid_request`.
   */
  expand(operation: OperationName, input: JsonObject, call: Call): Promise<PromptedRequest | undefined>
  /** Asks the database for a prompt again when it is named next. */
  forget(id: string): void
}

/** Where prompts come from. */
export interface PromptRooms {
  readonly configured?: ConfiguredPrompts | undefined
  readonly ofGroups?: ReadonlyMap<string, JsonObject> | undefined
  /** Prompts of the database. */
  readonly table?: PromptTable | undefined
  readonly callbacks?: readonly ConfiguredCallback[]
}

/** Prompts of the configuration first, then of the database, then of callbacks. */
export function createPrompts({ configured, ofGroups, table, callbacks = [] }: PromptRooms = {}): Prompts {
  let opened: Promise<Opened> | undefined
  let stored: StoredPrompts | undefined
  const open = async (): Promise<Opened> => {
    const library = await import('@tianjillm/prompts')
    stored = table && library.storedSource({ store: tableOf(table), now: () => performance.now() })
    const plugins = callbacks.flatMap(({ name, callback: { prompts } }) =>
      prompts === undefined ? [] : [library.pluginSource(name, prompts)],
    )
    const sources = [...(configured?.sources ?? []), ...(stored === undefined ? [] : [stored]), ...plugins]
    return { library, sources }
  }
  return {
    ofGroups,
    configured,
    async expand(operation, input, call) {
      opened ??= open()
      const { library, sources } = await opened
      if (!library.takesPrompts(operation)) return undefined
      const { id, wanted, variables } = library.readReference(input)
      const prompt = await library.findPrompt(sources, id, wanted, call)
      return { input: library.expand(prompt, operation, input, variables), boundModel: prompt.model }
    },
    forget: (id) => stored?.forget(id),
  }
}

interface Opened {
  readonly library: typeof import('@tianjillm/prompts')
  readonly sources: readonly Source[]
}

function tableOf(table: PromptTable): Pick<PromptTable, 'find'> {
  return {
    find: (id, wanted) =>
      table.find(id, wanted).catch((cause: unknown) => {
        const message = 'The gateway cannot reach its database to look this prompt up. Try again in a few seconds.'
        throw new GatewayError('overloaded', message, { retryAfter: 5, cause })
      }),
  }
}

/** The prompts of a configuration, and what is wrong with those that are left out. */
export async function promptsOf(
  config: Config,
  rooms: {
    readonly callbacks: readonly ConfiguredCallback[]
    readonly table: PromptTable | undefined
    /** Folder that relative paths start from. */
    readonly folder: string
  },
): Promise<{ readonly prompts: Prompts; readonly problems: readonly Problem[] }> {
  const { callbacks, table, folder } = rooms
  const ofGroups = promptsOfGroups(config)
  const isConfigured =
    config.sections.prompts !== undefined || config.settings.rest.global_prompt_directory !== undefined
  if (!isConfigured) return { prompts: createPrompts({ ofGroups, table, callbacks }), problems: [] }
  const { configuredPrompts } = await import('./configured.ts')
  const { configured, problems } = configuredPrompts(config, callbacks, folder)
  return { prompts: createPrompts({ configured, ofGroups, table, callbacks }), problems }
}

/** What the first deployment of each group that has a `prompt_id` says of it. */
function promptsOfGroups({ models }: Config): ReadonlyMap<string, JsonObject> | undefined {
  const fields = models.flatMap(({ name, gatewayParams }) => {
    const { prompt_id, prompt_version, prompt_label, prompt_variables } = gatewayParams
    return prompt_id === undefined
      ? []
      : [[name, { prompt_id, prompt_version, prompt_label, prompt_variables }] as const]
  })
  return fields.length === 0 ? undefined : new Map(fields.toReversed())
}
