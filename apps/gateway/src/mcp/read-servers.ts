import type { Config, Path, Problem } from '@tianjillm/config'
import { didYouMean, isJsonObject, type JsonObject } from '@tianjillm/core'
import type { McpAuth, McpServerSettings, McpTransport, Source } from '@tianjillm/mcp'

/** A server of `mcp_servers`: how it is reached, and what its operator says of it. */
export interface McpServer {
  readonly settings: McpServerSettings
  readonly about: Omit<Source, 'upstream'>
}

/** The group of servers that every key may use, whatever it is confined to. No server can be called so. */
export const EVERYBODY = '*'

/** Keys of LiteLLM and what they mean there: https://docs.litellm.ai/docs/mcp. `tags`, `tool_tags` and `cwd` are ours. */
const known: ReadonlySet<string> = new Set(
  `access_groups alias allow_all_keys allowed_params allowed_tools args auth_type auth_value authentication_token
  client_id client_secret command cwd description disallowed_tools env extra_headers instructions mcp_info oauth2_flow
  scopes static_headers tags timeout token_url tool_name_to_description tool_name_to_display_name tool_tags transport url`.split(
    /\s+/,
  ),
)

/** Those that would keep something out, or change what a server is; who has them counts on it. */
const unsupported: ReadonlySet<string> = new Set(
  `audience authorization_url available_on_public_internet aws_access_key_id aws_region_name aws_secret_access_key
  aws_service_name aws_session_token registration_url spec_path spec_version subject_token_type
  token_exchange_endpoint`.split(/\s+/),
)

/** The servers of a configuration. One that cannot be used is left out with an error that says why; others go on. */
export function readServers({ sections, positionOf }: Config): {
  readonly servers: readonly McpServer[]
  readonly problems: readonly Problem[]
} {
  const problems: Problem[] = []
  const tell = (path: Path, message: string, severity: Problem['severity'] = 'warning') =>
    void problems.push({ severity, ...positionOf(path), path: path.join('.'), message })
  const section = isJsonObject(sections.mcp_servers) ? sections.mcp_servers : {}
  const servers = Object.entries(section).flatMap(([name, entry]) => {
    const path = ['mcp_servers', name]
    if (!isJsonObject(entry)) {
      tell(path, 'expected a map; this server is left out')
      return []
    }
    for (const key of Object.keys(entry))
      if (unsupported.has(key)) tell([...path, key], 'has no effect here yet.')
      else if (!known.has(key)) tell([...path, key], `unknown key, without effect.${didYouMean(key, known)}`)
    const transport = transportOf(entry)
    if (typeof transport !== 'string') return [{ settings: settingsOf(name, entry, transport), about: aboutOf(entry) }]
    tell(path, `${transport}; this server is left out`)
    return []
  })
  return { servers, problems }
}

function settingsOf(name: string, { timeout }: JsonObject, transport: McpTransport): McpServerSettings {
  const seconds = Number(timeout)
  return { name, transport, ...(timeout != null && seconds > 0 && { timeout: seconds * 1000 }) }
}

/** How a server is reached, or why that cannot be told. */
function transportOf(entry: JsonObject): McpTransport | string {
  const { transport, command, url, cwd } = entry
  if (transport === 'stdio' || (transport == null && typeof command === 'string')) {
    if (typeof command !== 'string' || command === '') return 'a stdio server needs a command'
    const place = typeof cwd === 'string' && { cwd }
    return { type: 'stdio', command, args: textsOf(entry.args), env: textMap(entry.env), ...place }
  }
  if (typeof url !== 'string' || !/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    return 'it needs a url, or a command'
  const type = transport == null ? 'auto' : transport
  if (type !== 'http' && type !== 'sse' && type !== 'auto') return `the transport ${JSON.stringify(type)} is not known`
  const auth = authOf(entry)
  if (typeof auth === 'string') return auth
  return { type, url, headers: textMap(entry.static_headers), auth }
}

const plainAuth: ReadonlySet<unknown> = new Set(['api_key', 'bearer_token', 'basic', 'authorization'])

function authOf(entry: JsonObject): McpAuth | string | undefined {
  const { auth_type: type, auth_value: value = entry.authentication_token } = entry
  if (type == null || type === 'none') return undefined
  if (plainAuth.has(type))
    return typeof value === 'string' && value !== ''
      ? { type: type as 'api_key', value }
      : `auth_type ${String(type)} needs an auth_value`
  if (type !== 'oauth2') return `auth_type ${String(type)} is not there yet`
  const { client_id: clientId, client_secret: clientSecret, token_url: tokenUrl } = entry
  if (typeof clientId !== 'string' || typeof clientSecret !== 'string' || typeof tokenUrl !== 'string')
    return 'auth_type oauth2 needs client_id, client_secret and token_url; signing in by a browser is not there yet'
  return { type: 'client_credentials', clientId, clientSecret, tokenUrl, scopes: textsOf(entry.scopes) }
}

function aboutOf(entry: JsonObject): McpServer['about'] {
  const { alias, instructions, description } = entry
  const everybody = entry.allow_all_keys === true ? [EVERYBODY] : []
  return {
    ...(typeof alias === 'string' && alias !== '' && { prefix: alias }),
    ...(typeof instructions === 'string' && { instructions }),
    groups: [...textsOf(entry.access_groups), ...everybody],
    tags: textsOf(entry.tags),
    toolTags: textLists(entry.tool_tags),
    allowedTools: textsOf(entry.allowed_tools),
    disallowedTools: textsOf(entry.disallowed_tools),
    allowedArguments: textLists(entry.allowed_params),
    titles: textMap(entry.tool_name_to_display_name),
    descriptions: textMap(entry.tool_name_to_description),
    forwardedHeaders: textsOf(entry.extra_headers).map((name) => name.toLowerCase()),
    about: {
      ...(typeof description === 'string' && { description }),
      ...(isJsonObject(entry.mcp_info) && entry.mcp_info),
    },
  }
}

function textsOf(value: unknown): readonly string[] {
  const items = Array.isArray(value) ? value : value == null ? [] : [value]
  return items.filter((item) => typeof item === 'string' || typeof item === 'number').map(String)
}

/** Numbers and truths are what they look like to a process, and in a header. */
function textMap(value: unknown): Readonly<Record<string, string>> {
  if (!isJsonObject(value)) return {}
  return Object.fromEntries(Object.entries(value).flatMap(([key, item]) => (item == null ? [] : [[key, String(item)]])))
}

function textLists(value: unknown): Readonly<Record<string, readonly string[]>> {
  if (!isJsonObject(value)) return {}
  return Object.fromEntries(Object.entries(value).map(([key, items]) => [key, textsOf(items)]))
}
