import { didYouMean, type JsonObject } from '@tianjillm/core'
import { toMap, toMaps, toTexts, valueAt } from './coerce.ts'
import type { GuardrailConfig, ModelConfig } from './config.ts'
import type { Path } from './problem.ts'
import type { Source } from './source.ts'

/** Warns of fallbacks and aliases to models that are not there, and of a deployment's guardrails that are not. */
export function warnOfDanglingReferences(
  file: JsonObject,
  models: readonly ModelConfig[],
  guardrails: readonly GuardrailConfig[],
  source: Source,
): void {
  const modelNames = modelNamesOf(file, models)
  for (const { name, path } of models.length > 0 ? modelReferences(file) : [])
    if (!modelNames.some((pattern) => namesModel(pattern, name)))
      source.warn(path, `no such model.${didYouMean(name, modelNames)}`)
  const guardrailNames = guardrails.map(({ name }) => name)
  toMaps(file.model_list).forEach((entry, index) => {
    toTexts(toMap(entry.litellm_params).guardrails).forEach((name, number) => {
      const path = ['model_list', index, 'litellm_params', 'guardrails', number]
      if (!guardrailNames.includes(name)) source.warn(path, `no such guardrail.${didYouMean(name, guardrailNames)}`)
    })
  })
}

/** What models are called: names, perhaps with a `*`, ids and aliases. */
export function modelNamesOf(file: JsonObject, models: readonly ModelConfig[]): readonly string[] {
  const aliases = Object.keys(toMap(valueAt(file, ['router_settings', 'model_group_alias'])))
  return [...models.flatMap(({ name, id }) => (id === undefined ? [name] : [name, id])), ...aliases]
}

/** Whether a model's name fits one of `model_list`, in which `*` stands for anything. */
export function namesModel(pattern: string, name: string): boolean {
  const [head, ...parts] = pattern.split('*')
  const tail = parts.at(-1)
  if (tail === undefined) return pattern === name
  return name.length >= head!.length + tail.length && name.startsWith(head!) && name.endsWith(tail)
}

interface Reference {
  readonly name: string
  readonly path: Path
}

const SEMANTIC_FILTER = ['litellm_settings', 'mcp_semantic_tool_filter']

function modelReferences(file: JsonObject): readonly Reference[] {
  const inSettings = ['litellm_settings', 'router_settings'].flatMap((section) => {
    const settings = toMap(file[section])
    const tables = ['fallbacks', 'context_window_fallbacks', 'content_policy_fallbacks'].flatMap((key) =>
      toMaps(settings[key]).flatMap((map, index) =>
        Object.entries(map).flatMap(([group, targets]) => listed(targets, [section, key, index, group])),
      ),
    )
    return [...tables, ...listed(settings.default_fallbacks, [section, 'default_fallbacks'])]
  })
  const aliases = Object.entries(toMap(valueAt(file, ['router_settings', 'model_group_alias']))).map(
    ([alias, target]) => ({
      name: String(toMap(target).model ?? target),
      path: ['router_settings', 'model_group_alias', alias],
    }),
  )
  const { embedding_model: embedder } = toMap(valueAt(file, SEMANTIC_FILTER))
  const embedders = toTexts(embedder).map((name) => ({ name, path: [...SEMANTIC_FILTER, 'embedding_model'] }))
  return [...inSettings, ...aliases, ...embedders]
}

function listed(names: unknown, path: Path): readonly Reference[] {
  return toTexts(names).map((name, index) => ({ name, path: [...path, index] }))
}
