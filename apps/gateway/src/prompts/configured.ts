import { resolve } from 'node:path'
import { type Config, formatPath, type Path, type Problem } from '@tianjillm/config'
import { GatewayError, isGatewayError, isJsonObject, type JsonObject, parseJson } from '@tianjillm/core'
import type { ConfiguredCallback } from '@tianjillm/engine'
import {
  dotpromptOf,
  type FixedPrompts,
  fixedSource,
  type Prompt,
  parseDotprompt,
  pluginSource,
  type Source,
  serverSource,
} from '@tianjillm/prompts'
import { readPromptFolder } from './prompt-folder.ts'

/** Prompts of the file and of the folders it names. */
export interface ConfiguredPrompts {
  readonly sources: readonly Source[]
  /** By id; undefined for one that is asked of somebody else when it is named. */
  readonly known: ReadonlyMap<string, ReadonlyMap<number, Prompt> | undefined>
}

/** One prompt of somebody, under the name that the file gives it. */
interface Entry {
  readonly id: string
  readonly source: Source
  readonly versions?: ReadonlyMap<number, Prompt> | undefined
}

/** Throws GatewayError `misconfigured`, with the key at fault as its `param`. */
type Integration = (params: JsonObject, id: string, folder: string) => Omit<Entry, 'id'>

/** What `prompt_integration` may be, besides a callback that has prompts. https://docs.litellm.ai/docs/proxy/prompt_management */
const integrations: Readonly<Record<string, Integration>> = {
  dotprompt(params, id, folder) {
    const versions = dotpromptVersions(params, id, folder)
    return { source: fixedSource(new Map([[id, versions]])), versions }
  },
  generic_prompt_management({ api_base, api_key, provider_specific_query_params: query }) {
    if (typeof api_base !== 'string' || !URL.canParse(api_base)) throw wrong('api_base', 'needs the URL of the server')
    return {
      source: serverSource({
        apiBase: api_base,
        ...(typeof api_key === 'string' && { apiKey: api_key }),
        ...(isJsonObject(query) && {
          query: Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)])),
        }),
      }),
    }
  },
}

/** The prompts of a configuration. What cannot be used is left out, with a warning at its place. */
export function configuredPrompts(
  config: Config,
  callbacks: readonly ConfiguredCallback[],
  folder: string,
): { readonly configured: ConfiguredPrompts; readonly problems: readonly Problem[] } {
  const problems: Problem[] = []
  const warn = (path: Path, message: string) => {
    const said = /[.?]$/.test(message) ? message : `${message}.`
    const left = `${said} It is left out.`
    problems.push({ severity: 'warning', ...config.positionOf(path), path: formatPath(path), message: left })
  }
  const entries = new Map<string, Entry>()
  for (const [index, written] of listOf(config.sections.prompts, warn).entries()) {
    const place = ['prompts', index]
    try {
      const entry = entryOf(written, callbacks, folder)
      if (entries.has(entry.id)) warn([...place, 'prompt_id'], `there is a prompt "${entry.id}" already`)
      else entries.set(entry.id, entry)
    } catch (error) {
      if (!isGatewayError(error)) throw error
      const { param } = error.facts
      warn(param === undefined ? place : [...place, ...param.split('.')], error.message)
    }
  }
  const shared = globalPrompts(config, folder, warn)
  const named = [...entries.values()].map(({ id, source, versions }) => [id, versions, source] as const)
  return {
    configured: {
      sources: [...named.map(([, , source]) => source), fixedSource(shared)],
      known: new Map([...shared, ...named.map(([id, versions]) => [id, versions] as const)]),
    },
    problems,
  }
}

type Warn = (path: Path, message: string) => void

function listOf(written: unknown, warn: Warn): readonly unknown[] {
  if (Array.isArray(written)) return written
  if (written !== undefined && written !== null) warn(['prompts'], 'expected a list')
  return []
}

function entryOf(written: unknown, callbacks: readonly ConfiguredCallback[], folder: string): Entry {
  const { prompt_id, litellm_params: params } = isJsonObject(written) ? written : {}
  if (!isJsonObject(params)) throw new GatewayError('misconfigured', 'needs litellm_params')
  const inner = params.prompt_id ?? prompt_id
  const id = prompt_id ?? inner
  if (typeof id !== 'string' || typeof inner !== 'string' || id === '') throw wrongAt('prompt_id', 'expected a text')
  const { source, versions } = integrationOf(params, callbacks)(params, inner, folder)
  return {
    id,
    versions,
    source: {
      async find(wantedId, wanted, call) {
        const found = wantedId === id ? await source.find(inner, wanted, call) : undefined
        return found && withoutIgnored(found, params)
      },
    },
  }
}

function integrationOf(
  { prompt_integration: name }: JsonObject,
  callbacks: readonly ConfiguredCallback[],
): Integration {
  if (typeof name !== 'string') throw wrong('prompt_integration', 'expected a text')
  if (Object.hasOwn(integrations, name)) return integrations[name]!
  const prompts = callbacks.find((callback) => callback.name === name)?.callback.prompts
  if (prompts !== undefined) return () => ({ source: pluginSource(name, prompts) })
  throw wrong(
    'prompt_integration',
    `no callback "${name}" with prompts is configured. There are ${Object.keys(integrations).join(', ')}`,
  )
}

/** What the file says to leave out of the prompts of others. */
function withoutIgnored(prompt: Prompt, params: JsonObject): Prompt {
  const ignored = [
    ...(params.ignore_prompt_manager_model === true ? ['model'] : []),
    ...(params.ignore_prompt_manager_optional_params === true ? ['parameters'] : []),
  ]
  return Object.fromEntries(Object.entries(prompt).filter(([name]) => !ignored.includes(name))) as Prompt
}

/** One of three forms: a folder, data, or the text of a file. */
function dotpromptVersions(params: JsonObject, id: string, folder: string): ReadonlyMap<number, Prompt> {
  const { dotprompt_content: content, prompt_data: written, prompt_directory: directory } = params
  if (typeof content === 'string') return one('dotprompt_content', () => parseDotprompt(content))
  if (written !== undefined && written !== null) return one('prompt_data', () => promptInData(written, id))
  if (typeof directory !== 'string')
    throw wrong('prompt_integration', 'dotprompt needs prompt_directory, prompt_data or dotprompt_content')
  return placed('prompt_directory', () => {
    const { prompts, faults } = readPromptFolder(resolve(folder, directory), id)
    if (faults[0] !== undefined) throw faults[0]
    const versions = prompts.get(id)
    if (versions !== undefined) return versions
    throw new GatewayError('misconfigured', `there is no file "${id}.prompt" in ${directory}`)
  })
}

/** `{id: {content, metadata}}`, or only what is in there; JSON as text too. */
function promptInData(written: unknown, id: string): Prompt {
  const data = typeof written === 'string' ? parseJson(written) : written
  if (!isJsonObject(data)) throw new GatewayError('misconfigured', 'expected a map')
  const found = Object.hasOwn(data, id) ? data[id] : data
  if (!isJsonObject(found) || typeof found.content !== 'string')
    throw new GatewayError('misconfigured', `has no content for the prompt "${id}"`)
  return isJsonObject(found.metadata) ? dotpromptOf(found.content, found.metadata) : parseDotprompt(found.content)
}

function globalPrompts(config: Config, folder: string, warn: Warn): FixedPrompts {
  const directory = config.settings.rest.global_prompt_directory
  const place = ['litellm_settings', 'global_prompt_directory']
  if (directory === undefined || directory === null) return new Map()
  if (typeof directory !== 'string') {
    warn(place, 'expected a text')
    return new Map()
  }
  try {
    const { prompts, faults } = readPromptFolder(resolve(folder, directory))
    for (const { message } of faults) warn(place, message)
    return prompts
  } catch (error) {
    if (!isGatewayError(error)) throw error
    warn(place, error.message)
    return new Map()
  }
}

function one(key: string, read: () => Prompt): ReadonlyMap<number, Prompt> {
  return placed(key, () => new Map([[1, read()]]))
}

/** What is wrong is wrong at this key of `litellm_params`. */
function placed<Result>(key: string, read: () => Result): Result {
  try {
    return read()
  } catch (error) {
    throw isGatewayError(error) ? wrong(key, error.message) : error
  }
}

function wrong(key: string, message: string): GatewayError {
  return wrongAt(`litellm_params.${key}`, message)
}

function wrongAt(param: string, message: string): GatewayError {
  return new GatewayError('misconfigured', message, { param })
}
