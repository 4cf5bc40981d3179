import { GatewayError, type Host, type UpstreamRequest } from '@tianjillm/core'
import type { McpServerSettings, Signer } from '@tianjillm/mcp'
import type { McpServer } from './read-servers.ts'
import type { Signing } from './read-signing.ts'

/** The settings of a server, with who signs its requests where they are signed. */
export function signedSettings(
  { settings, signing }: Pick<McpServer, 'settings' | 'signing'>,
  host: Host,
): McpServerSettings {
  const { name, transport } = settings
  if (signing === undefined || transport.type === 'stdio') return settings
  const auth = { type: 'signature', signer: createSigner(name, signing, host) } as const
  return { ...settings, transport: { ...transport, auth } }
}

/** Signs as AWS wants it; what that takes is loaded for the first request. */
function createSigner(server: string, signing: Signing, host: Host): Signer {
  let opened: Promise<Pen> | undefined
  let pen: Pen | undefined
  return {
    async sign(request, signal = new AbortController().signal) {
      opened ??= openPen(server, signing, host)
      pen = await opened
      return pen.sign(request, signal)
    },
    explain(answer) {
      const { status } = answer
      const why = pen?.explain(answer)
      if (why === undefined) return undefined
      const message = `The MCP server ${server}: AWS refuses the gateway's request (${status}), ${why}.`
      return new GatewayError('upstream_auth_failed', message, { upstreamStatus: status })
    },
  }
}

interface Pen {
  sign(request: UpstreamRequest, signal: AbortSignal): Promise<UpstreamRequest['headers']>
  explain(answer: Parameters<Signer['explain']>[0]): string | undefined
}

/** Rejects with GatewayError `misconfigured` when there are no credentials. */
async function openPen(server: string, signing: Signing, host: Host): Promise<Pen> {
  const { agentCore, credentialSource, explainRefusal, signRequest } = await import('@tianjillm/aws')
  const { awsRegionName: region, service = agentCore } = signing
  const { fetch, now } = host
  const words = { section: `mcp_servers.${server}` }
  const credentials = credentialSource(`The MCP server ${server}`, signing, host, region, words)
  return {
    async sign(request, signal) {
      const identity = await credentials({ fetch, now, signal })
      return (await signRequest(request, { service, region, credentials: identity, now: now() })).headers
    },
    explain: (answer) => explainRefusal(answer, { service, region, now: now() }),
  }
}
