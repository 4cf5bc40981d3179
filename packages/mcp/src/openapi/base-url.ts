import { isJsonObject, isSafeUrl } from '@tianjillm/core'
import { type ApiDocument, wordOf } from './document.ts'
import { DocumentFault } from './fault.ts'

/** Where a document is, and where its operator says that its API is. */
export interface Places {
  /** Undefined for a file. */
  readonly documentUrl: string | undefined
  readonly url: string | undefined
}

/** Finds where operations are. */
export interface Bases {
  /** For all that say nothing else. */
  readonly usual: URL
  /** For one with servers of its own; undefined when they are of another origin, which must not see our credentials. */
  of(servers: unknown): URL | undefined
}

/** Where the operations of this document are. Throws DocumentFault when that is nowhere, or nowhere safe. */
export function basesOf({ root, version }: ApiDocument, places: Places): Bases {
  const { documentUrl, url } = places
  if (url !== undefined) {
    const usual = new URL(url)
    return { usual, of: () => usual }
  }
  const said = version === '2.0' ? olderServer(root, documentUrl) : (serverIn(root.servers) ?? '/')
  const usual = said === undefined ? null : URL.parse(said, documentUrl)
  if (usual === null) throw new DocumentFault('does not say where its API is: set url')
  if (!isAllowed(usual, documentUrl)) throw new DocumentFault('says that its API is where others could listen: set url')
  return {
    usual,
    of(servers) {
      const own = serverIn(servers)
      if (own === undefined) return usual
      const found = URL.parse(own, documentUrl)
      return found?.origin === usual.origin ? found : undefined
    },
  }
}

/** A document of another machine does not send us to this one. */
function isAllowed({ href, protocol }: URL, documentUrl: string | undefined): boolean {
  const isFromAway = documentUrl?.startsWith('https:')
  return isSafeUrl(href) && (protocol === 'https:' || !isFromAway)
}

/** The first server with its variables as they are by default. */
function serverIn(servers: unknown): string | undefined {
  const [first] = Array.isArray(servers) ? servers : []
  if (!isJsonObject(first) || typeof first.url !== 'string') return undefined
  const variables = isJsonObject(first.variables) ? first.variables : {}
  return first.url.replaceAll(/\{([^{}]+)\}/g, (whole, name: string) => {
    const variable = Object.hasOwn(variables, name) ? variables[name] : undefined
    return isJsonObject(variable) ? wordOf(variable.default) || whole : whole
  })
}

function olderServer(root: ApiDocument['root'], documentUrl: string | undefined): string | undefined {
  const source = documentUrl === undefined ? undefined : new URL(documentUrl)
  const schemes = Array.isArray(root.schemes) ? root.schemes : []
  const scheme = schemes.includes('https') ? 'https' : wordOf(schemes[0] ?? source?.protocol.slice(0, -1) ?? 'https')
  const host = root.host ?? source?.host
  const path = typeof root.basePath === 'string' ? root.basePath : '/'
  return typeof host === 'string' ? `${scheme}://${host}${path.startsWith('/') ? '' : '/'}${path}` : undefined
}
