import type { JsonObject } from '@tianjillm/core'
import { basesOf } from '../../src/openapi/base-url.ts'
import { parseDocument } from '../../src/openapi/document.ts'
import type { LeftOut } from '../../src/openapi/operations.ts'
import { type ApiTool, toolsOf } from '../../src/openapi/tools.ts'

/** A document of OpenAPI 3.0 with these paths and schemas. */
export function openApi(paths: JsonObject, schemas: JsonObject = {}, more: JsonObject = {}): JsonObject {
  return { openapi: '3.0.3', servers: [{ url: 'https://api.test/v1' }], paths, components: { schemas }, ...more }
}

/** The tools of a document, given as a text of any kind or as what JSON says. */
export async function readTools(
  document: string | JsonObject,
  ownHeaders: readonly string[] = [],
): Promise<{ readonly tools: readonly ApiTool[]; readonly leftOut: readonly LeftOut[] }> {
  const read = await parseDocument(typeof document === 'string' ? document : JSON.stringify(document))
  const bases = basesOf(read, { documentUrl: 'https://api.test/docs/openapi.json', url: undefined })
  return toolsOf(read, bases, new Set(ownHeaders))
}

/** The one tool of a document. */
export async function readTool(document: string | JsonObject): Promise<ApiTool> {
  const { tools } = await readTools(document)
  return tools[0]!
}
