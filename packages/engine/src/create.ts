import type { Callback, CallbackPlugin, Guardrail, GuardrailPlugin, Host } from '@tianjillm/core'
import { parseOptions } from './options.ts'

/** A guardrail, its options checked by its schema. Throws GatewayError `misconfigured`. */
export function createGuardrail(plugin: GuardrailPlugin, options: unknown, host: Host): Guardrail {
  return plugin.create(parseOptions(plugin, options), host)
}

/** A callback, its options checked by its schema. Throws GatewayError `misconfigured`. */
export function createCallback(plugin: CallbackPlugin, options: unknown, host: Host): Callback {
  return plugin.create(parseOptions(plugin, options), host)
}
