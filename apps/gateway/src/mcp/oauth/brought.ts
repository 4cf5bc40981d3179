import { hash } from 'node:crypto'
import { putLatest } from '@tianjillm/core'
import type { HeaderVariables, Source, TokenPassthrough } from '@tianjillm/mcp'

/** Servers that users are known to by what their requests have with them. */
export type KnownByHeaders = TokenPassthrough | HeaderVariables

/** A request, as far as such servers want to know. */
export interface Arrival {
  /** Its header of this name, in lower case. */
  header(name: string): string | undefined
  /** Whether its `authorization` is not what the gateway itself let them in by. */
  readonly hasToken: boolean
}

/** What somebody has with them for one server. */
export interface Belongings {
  /** Who they are to it: another token or value makes another user. */
  readonly known: string
  /** The token as `authorization`, or values by the names of variables. */
  readonly values: Readonly<Record<string, string>>
}

/** What users have brought along. Of many the longest ago is forgotten: it comes with each request again. */
export interface Brought {
  /** The owner, by another name when they have brought something, and what it was is known by that. */
  notice(owner: string, arrival: Arrival, servers: readonly Wanting[]): string
  /** For this server; undefined: nothing. */
  find(owner: string, server: string): Belongings | undefined
  /** Who it is that has brought it. */
  ownerOf(owner: string): string
}

/** A server that wants something. */
export interface Wanting {
  readonly source: Source
  readonly wants: KnownByHeaders
}

interface Visit {
  readonly owner: string
  readonly byServer: ReadonlyMap<string, Belongings>
}

/** Nothing yet. */
export function createBrought(most = 2_000): Brought {
  const visits = new Map<string, Visit>()
  return {
    notice(owner, arrival, servers) {
      const byServer = new Map(
        servers.flatMap(({ source, wants }) => {
          const values = wants.type === 'passthrough' ? tokenFor(source, wants, arrival) : valuesFor(wants, arrival)
          if (values === undefined) return []
          return [[source.upstream.name, { known: `${owner}\0${hash('sha256', JSON.stringify(values))}`, values }]]
        }),
      )
      if (byServer.size === 0) return owner
      const name = `${owner}\0${hash('sha256', JSON.stringify([...byServer].map(([server, { known }]) => [server, known])))}`
      putLatest(visits, name, { owner, byServer }, most)
      return name
    },
    find: (owner, server) => visits.get(owner)?.byServer.get(server),
    ownerOf: (owner) => visits.get(owner)?.owner ?? owner,
  }
}

/** One for this server alone goes before one for whatever is asked. */
function tokenFor({ upstream, prefix }: Source, { isOpen }: TokenPassthrough, { header, hasToken }: Arrival) {
  const own = [prefix ?? upstream.name, upstream.name].map((name) =>
    header(`x-mcp-${name.toLowerCase()}-authorization`),
  )
  const authorization = own.find((value) => value !== undefined) ?? (hasToken ? header('authorization') : undefined)
  if (authorization !== undefined) return { authorization }
  return isOpen ? {} : undefined
}

/** All of them, for a process that lacks one is of no use. */
function valuesFor({ variables }: HeaderVariables, { header }: Arrival): Readonly<Record<string, string>> | undefined {
  const values: Record<string, string> = {}
  for (const [variable, name] of Object.entries(variables)) {
    const value = header(name)
    if (value === undefined) return undefined
    values[variable] = value
  }
  return values
}
