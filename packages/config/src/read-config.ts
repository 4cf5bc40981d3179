import type { JsonObject } from '@tianjillm/core'
import { readAgent } from './agent.ts'
import { readCache } from './cache.ts'
import { readCallbacks } from './callbacks.ts'
import { check } from './check.ts'
import { toMap, toTexts } from './coerce.ts'
import type { Config } from './config.ts'
import { readCredentials } from './credentials.ts'
import { noteDifferences } from './differences.ts'
import { type Environment, readEnvironment, resolveEnvironment } from './environment.ts'
import { readGuardrails } from './guardrails.ts'
import { type Include, readTree } from './include.ts'
import { checkJwtAuth } from './jwt-auth.ts'
import { readKeys } from './keys.ts'
import { readMcpSettings, readMcpTools } from './mcp-tools.ts'
import { readModels } from './models.ts'
import { type Problem, problemAt, sortProblems } from './problem.ts'
import { warnOfPythonKeys } from './python.ts'
import { warnOfDanglingReferences } from './references.ts'
import { readSearchTools } from './search-tools.ts'
import { readGeneralSettings, readRouterSettings, readSettings } from './settings.ts'
import { createSource, type Source } from './source.ts'
import { isNothing, type Tree, toValue, withoutKeys } from './tree.ts'
import { warnOfUnknownKeys } from './unknown-keys.ts'
import { noteWithoutEffect } from './without-effect.ts'

/** What reading needs besides the text. */
export interface ReadSettings {
  /** Name of the file in problems. Default `proxy_config.yaml`. */
  readonly file?: string
  readonly env: Environment
  /** Reads the files that `include` names; without it they are an error. */
  readonly include?: Include
  /** Also notes what means something else here than it does to LiteLLM. Default false. */
  readonly compares?: boolean | undefined
}

/** What came of reading. */
export interface ReadResult {
  /** Undefined when any problem is an error. */
  readonly config: Config | undefined
  /** All of them, in reading order. */
  readonly problems: readonly Problem[]
  /** The file and all it includes, to be watched for changes. */
  readonly files: readonly string[]
}

/** Reads a `proxy_config.yaml`, of LiteLLM's spelling or ours. Whatever is in the text, nothing is thrown. */
export function readConfig(text: string, settings: ReadSettings): ReadResult {
  const { file = 'proxy_config.yaml', include } = settings
  const problems: Problem[] = []
  const files: string[] = []
  const written = readTree({ file, text }, include, files, problems)
  const config = written && configOf(written, settings, problems)
  const hasErrors = problems.some(({ severity }) => severity === 'error')
  return { config: hasErrors ? undefined : config, problems: sortProblems(problems, files), files }
}

function configOf(written: Tree, { env, compares }: ReadSettings, problems: Problem[]): Config | undefined {
  const environment = readEnvironment(written, env, problems)
  const lookUp: Environment = (name) => environment.get(name) ?? env(name)
  const tree = resolveEnvironment(withoutKeys(written, isDone), lookUp, problems)
  if (isNothing(tree))
    problems.push(problemAt(tree.position, 'warning', [], 'the file is empty, so there are no models'))
  const value = toValue(tree) ?? {}
  const source = createSource(tree, problems)
  warnOfUnknownKeys(toMap(value), source)
  warnOfPythonKeys(toMap(value), source)
  noteWithoutEffect(toMap(value), source)
  if (compares) noteDifferences(toMap(value), lookUp, source)
  const checked = check(value, source)
  return checked && frozen(convert(checked, environment, source))
}

/** What has been read by now; `x-…` is where files keep their anchors. */
function isDone(key: string): boolean {
  return key === 'environment_variables' || key.startsWith('x-')
}

function convert(file: JsonObject, environment: ReadonlyMap<string, string>, source: Source): Config {
  const {
    model_list: _models,
    credential_list: _credentials,
    guardrails: _guardrails,
    callbacks: _callbacks,
    callback_settings: _callbackSettings,
    search_tools: _searchTools,
    agent: _agent,
    mcp_settings: _mcpSettings,
    mcp_tools: _mcpTools,
    keys: _keys,
    plugins: _plugins,
    litellm_settings: _settings,
    general_settings: _general,
    router_settings: _router,
    ...sections
  } = file
  const withCredential = readCredentials(file, source)
  const models = readModels(file, withCredential, source)
  const guardrails = readGuardrails(file, withCredential, source)
  const searchTools = readSearchTools(file, withCredential, source)
  warnOfDanglingReferences(file, models, guardrails, source)
  checkJwtAuth(file, source)
  return {
    models,
    guardrails,
    callbacks: readCallbacks(file, source),
    searchTools,
    mcpTools: readMcpTools(file, { models, searchTools }, source),
    mcpSettings: readMcpSettings(file),
    agent: readAgent(file),
    keys: readKeys(file, source),
    cache: readCache(file, source),
    plugins: toTexts(file.plugins).map((specifier, index) => ({
      specifier,
      position: source.positionOf(['plugins', index]),
    })),
    settings: readSettings(file),
    general: readGeneralSettings(file),
    router: readRouterSettings(file),
    environment,
    sections,
    positionOf: (path) => source.positionOf(path),
  }
}

/** Freezes a value and all in it; maps are read-only by their type alone. */
function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) frozen(inner)
  }
  return value
}
