import { hash } from 'node:crypto'
import { type GatewayApp, refuseMethod } from './app.ts'

/** The schema as it is sent. */
interface Document {
  readonly text: string
  readonly etag: string
}

/** `GET /config/schema.json`, without a key: the JSON Schema of a configuration, made when it is first asked for. */
export function configSchemaRoute(app: GatewayApp): void {
  let made: Promise<Document> | undefined
  app.all('/config/schema.json', async (context) => {
    const { method } = context.req
    if (method !== 'GET' && method !== 'HEAD') return refuseMethod(method, 'GET')
    made ??= makeDocument()
    const { text, etag } = await made
    const headers = { etag, 'cache-control': 'public, max-age=3600', 'access-control-allow-origin': '*' }
    if (context.req.header('if-none-match')?.includes(etag)) return context.body(null, 304, headers)
    return context.body(text, 200, { ...headers, 'content-type': 'application/schema+json' })
  })
}

async function makeDocument(): Promise<Document> {
  const { configSchema } = await import('@tianjillm/config/schema')
  const text = JSON.stringify(configSchema())
  return { text, etag: `"${hash('sha256', text).slice(0, 32)}"` }
}
