import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { JsonObject } from '@tianjillm/core'

/** A connected client that shows its user links, and waits for them: by `show`, which tells what they did. */
export async function linkClient(
  era: 'legacy' | 'modern',
  url: string,
  { headers, show }: { readonly headers: Readonly<Record<string, string>>; show(link: string): Promise<string> },
): Promise<{ callTool(name: string): Promise<JsonObject>; close(): Promise<void> }> {
  const client = new Client(
    { name: 'test', version: '1' },
    { capabilities: { elicitation: { url: {} } }, versionNegotiation: { mode: era === 'modern' ? 'auto' : 'legacy' } },
  )
  const answer = async ({ params }: { readonly params: { readonly url: string } }) => ({
    action: await show(params.url),
  })
  // The SDK's type is that of forms as well.
  client.setRequestHandler('elicitation/create', answer as never)
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }))
  return {
    callTool: async (name) => (await client.callTool({ name, arguments: {} })) as JsonObject,
    close: () => client.close(),
  }
}
