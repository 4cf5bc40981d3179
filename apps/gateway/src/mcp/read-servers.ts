import type { Config, Path, Problem } from '@tianjillm/config'
import { didYouMean, type Host, isJsonObject, type JsonObject, type Reach } from '@tianjillm/core'
import type { McpServerSettings, McpTransport, Source } from '@tianjillm/mcp'
import { keyHeaders } from '../http/access.ts'
import { apiTransportOf } from './read-api.ts'
import { readAuth, type ServerAuth } from './read-auth.ts'
import type { Signing } from './read-signing.ts'
import { keysWithoutEffect, serverKeys } from './server-keys.ts'
import { textsOf } from './texts-of.ts'

/** A server of `mcp_servers`: how it is reached, and what its operator says of it. */
export interface McpServer {
  /** What management calls it; default its name. */
  readonly id?: string
  readonly settings: McpServerSettings
  /** How requests to it are signed; the settings have no signer, for they are data. */
  readonly signing?: Signing | undefined
  /** Where connections for it may lead; undefined: anywhere. */
  readonly reach?: Reach
  readonly about: Omit<Source, 'upstream'>
}

/** The group of servers that every key may use, whatever it is confined to. No server can be called so. */
export const EVERYBODY = '*'

/** The group of servers that are also there for who comes from outside. No server can be called so. */
export const ANYWHERE = '**'

/** Told what is wrong with an entry, and at which of its keys; none: all of it. */
export type TellWrong = (key: string | undefined, message: string) => void

/** The servers of a configuration. One that cannot be used is left out with a warning that says why; others go on. */
export function readServers(
  { sections, positionOf }: Config,
  { env }: Pick<Host, 'env'>,
): {
  readonly servers: readonly McpServer[]
  readonly problems: readonly Problem[]
} {
  const problems: Problem[] = []
  const servers = Object.entries(fileEntries(sections)).flatMap(([name, entry]) => {
    const path: Path = ['mcp_servers', name]
    const tell: TellWrong = (key, message) => {
      const at = key === undefined ? path : [...path, key]
      problems.push({ severity: 'warning', ...positionOf(at), path: at.join('.'), message })
    }
    const server = readServer(name, entry, tell, { configFile: positionOf(path).file, env })
    return server === undefined ? [] : [server]
  })
  return { servers, problems }
}

/** The entries of `mcp_servers` as they are written, by name. */
export function fileEntries({ mcp_servers: entries }: Config['sections']): JsonObject {
  return isJsonObject(entries) ? entries : {}
}

/** What an entry of a file may use besides what it says itself. */
export interface Surroundings {
  /** Files that it names lie beside this one; without one it may name none. */
  readonly configFile: string | undefined
  readonly env: Host['env']
}

/** A server by its entry, with the surroundings of one of a file. Undefined when it cannot be used, which is told. */
export function readServer(
  name: string,
  entry: unknown,
  tell: TellWrong,
  surroundings?: Surroundings,
): McpServer | undefined {
  if (!isJsonObject(entry)) {
    tell(undefined, 'expected a map; this server is left out')
    return undefined
  }
  for (const key of Object.keys(entry))
    if (keysWithoutEffect.has(key)) tell(key, 'has no effect here yet.')
    else if (!Object.hasOwn(serverKeys, key))
      tell(key, `unknown key, without effect.${didYouMean(key, Object.keys(serverKeys))}`)
  const transport = transportOf(entry, surroundings?.configFile)
  if (typeof transport === 'string') return leftOut(transport, tell)
  if (transport.type === 'stdio') {
    const way = withoutVariables(transport)
    if (typeof way === 'string') return leftOut(way, tell)
    return { settings: settingsOf(name, entry, way), about: aboutOf(entry) }
  }
  const auth = readAuth(entry, surroundings?.env)
  if (typeof auth === 'string') return leftOut(auth, tell)
  if (transport.type === 'openapi' && auth.personal !== undefined)
    return leftOut(`auth_type ${String(entry.auth_type)} is not there yet for an API without its own token`, tell)
  if (auth.personal !== undefined && !('url' in transport && transport.url !== undefined))
    return leftOut(`auth_type ${String(entry.auth_type)} needs a url`, tell)
  const { signing } = auth
  return { settings: settingsOf(name, entry, { transport, auth }), ...(signing && { signing }), about: aboutOf(entry) }
}

function leftOut(why: string, tell: TellWrong): undefined {
  tell(undefined, `${why}; this server is left out`)
}

interface Way {
  readonly transport: McpTransport
  readonly auth: ServerAuth
}

function settingsOf(name: string, { timeout }: JsonObject, { transport, auth }: Way): McpServerSettings {
  const seconds = Number(timeout)
  return {
    name,
    transport: transport.type === 'stdio' ? transport : { ...transport, auth: auth.auth },
    ...(auth.personal && { personal: auth.personal }),
    ...(timeout != null && seconds > 0 && { timeout: seconds * 1000 }),
  }
}

/** How a server is reached, or why that cannot be told. */
function transportOf(entry: JsonObject, configFile: string | undefined): McpTransport | string {
  const { transport, command, url, cwd } = entry
  const headers = textMap(entry.static_headers)
  if (entry.spec_path != null) return apiTransportOf(entry, headers, configFile)
  if (transport === 'stdio' || (transport == null && typeof command === 'string')) {
    if (typeof command !== 'string' || command === '') return 'a stdio server needs a command'
    const place = typeof cwd === 'string' && { cwd }
    return { type: 'stdio', command, args: textsOf(entry.args), env: textMap(entry.env), ...place }
  }
  if (typeof url !== 'string' || !/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    return 'it needs a url, or a command'
  const type = transport == null ? 'auto' : transport
  if (type !== 'http' && type !== 'sse' && type !== 'auto') return `the transport ${JSON.stringify(type)} is not known`
  return { type, url, headers, auth: undefined }
}

/** A process whose variables may come with requests, as `${X-NAME}`; or why it cannot be one. */
function withoutVariables(transport: Extract<McpTransport, { readonly type: 'stdio' }>): Way | string {
  const asked = Object.entries(transport.env).flatMap(([variable, value]) => {
    const [, header] = /^\$\{(x-[\w-]+)\}$/i.exec(value) ?? []
    return header === undefined ? [] : [[variable, header.toLowerCase()] as const]
  })
  if (asked.length === 0) return { transport, auth: {} }
  const ours = asked.find(([, header]) => keyHeaders.includes(header))
  if (ours !== undefined) return `env.${ours[0]} cannot be ${ours[1]}, which has keys of the gateway`
  const variables = Object.fromEntries(asked)
  const env = Object.fromEntries(Object.entries(transport.env).filter(([name]) => !Object.hasOwn(variables, name)))
  return { transport: { ...transport, env }, auth: { personal: { type: 'header_variables', variables } } }
}

function aboutOf(entry: JsonObject): McpServer['about'] {
  const { alias, instructions, description } = entry
  const everybody = entry.allow_all_keys === true ? [EVERYBODY] : []
  const anywhere = entry.available_on_public_internet === false ? [] : [ANYWHERE]
  return {
    ...(typeof alias === 'string' && alias !== '' && { prefix: alias }),
    ...(typeof instructions === 'string' && { instructions }),
    groups: [...textsOf(entry.access_groups), ...everybody, ...anywhere],
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

/** Numbers and truths are what they look like to a process, and in a header. */
function textMap(value: unknown): Readonly<Record<string, string>> {
  if (!isJsonObject(value)) return {}
  return Object.fromEntries(Object.entries(value).flatMap(([key, item]) => (item == null ? [] : [[key, String(item)]])))
}

function textLists(value: unknown): Readonly<Record<string, readonly string[]>> {
  if (!isJsonObject(value)) return {}
  return Object.fromEntries(Object.entries(value).map(([key, items]) => [key, textsOf(items)]))
}
