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
  const reason = withoutSecrets(issue, path ?? '')
  throw new GatewayError('misconfigured', `${plugin.name}: ${where}: ${reason}`, {
    param: path ?? undefined,
    provider: plugin.name,
    details: { option: path, reason },
  })
}

const secretName = /key|secret|token|passw|credential|authorization/i

/** What is wrong. Texts are not shown, for they may come from the environment, and nothing under a secret's name is. */
function withoutSecrets({ message, received, input }: v.BaseIssue<unknown>, path: string): string {
  const isShown = typeof input === 'object' || input === undefined
  const isSecret = typeof input === 'string' || (!isShown && secretName.test(path))
  return isSecret ? message.replaceAll(received, `a ${typeof input}`) : message
}
