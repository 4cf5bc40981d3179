import { GatewayError, type Plugin } from '@tianjillm/core'
import * as v from 'valibot'

/** A plugin's options checked by its schema. Throws GatewayError `misconfigured` naming plugin and path. */
export function parseOptions<Options>(
  plugin: Pick<Plugin, 'name'> & { readonly options: v.GenericSchema<unknown, Options> },
  options: unknown,
): Options {
  const result = v.safeParse(plugin.options, options)
  if (result.success) return result.output
  const [issue] = result.issues
  const path = v.getDotPath(issue)
  const where = path === null ? 'options' : `option ${path}`
  throw new GatewayError('misconfigured', `${plugin.name}: ${where}: ${issue.message}`, {
    param: path ?? undefined,
    provider: plugin.name,
    details: { option: path, reason: issue.message },
  })
}
