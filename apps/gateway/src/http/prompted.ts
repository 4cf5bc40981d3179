import { type Caller, isJsonObject, type JsonObject } from '@tianjillm/core'
import { type Cancellation, LiveCall } from '@tianjillm/engine'
import type { Gateway } from '../gateway.ts'
import type { CallRoute } from './call-route.ts'
import type { Arrived } from './requests.ts'

/** Whether a request names a prompt, or its group does; all that a request without one costs. */
export function namesPrompt({ prompts: { ofGroups } }: Gateway, { model }: CallRoute, input: JsonObject): boolean {
  if (input.prompt_id != null || input.prompt_name != null) return true
  return ofGroups?.has(String(model ?? input.model)) === true
}

/** The request with the prompt in place of its name. Its bytes hold no longer. */
export async function prompted(
  { engine, prompts }: Gateway,
  { operation, model }: CallRoute,
  arrived: Arrived,
  facts: { readonly id: string; readonly caller: Caller; readonly cancellation: Cancellation },
): Promise<Arrived> {
  const { input } = arrived
  const asked = String(model ?? input.model ?? '')
  const call = new LiveCall(engine.host, { ...facts, operation, model: asked })
  if (input.prompt_id != null || input.prompt_name != null)
    return (await prompts.expand(operation, input, call)) ?? arrived
  const { prompt_variables: usual, ...fields } = prompts.ofGroups!.get(asked)!
  const { prompt_variables: own } = input
  const variables = { ...(isJsonObject(usual) && usual), ...(isJsonObject(own) && own) }
  const named = { ...input, ...fields, prompt_variables: variables }
  const expanded = await prompts.expand(operation, named, call)
  // The deployment says which model it is.
  return expanded === undefined ? arrived : { input: { ...expanded.input, model: input.model } }
}
