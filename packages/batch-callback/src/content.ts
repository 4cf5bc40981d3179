import { type CallReport, isJsonObject, type JsonObject, parametersOf } from '@tianjillm/core'

/** Parameters of the operations whose wire is not OpenAI's older one: Messages and Responses. */
const newerParameters = [
  'max_output_tokens',
  'max_tokens',
  'reasoning',
  'stop_sequences',
  'stream',
  'temperature',
  'thinking',
  'tool_choice',
  'tools',
  'top_k',
  'top_p',
]

const notParameters: ReadonlySet<string> = new Set(['metadata', 'user'])

/** What was asked, without the parameters: messages, text or texts, a tool's arguments; a system prompt set apart comes first. */
export function promptOf({ input }: Pick<CallReport, 'input'>): unknown {
  if (input === undefined) return undefined
  const prompt = input.messages ?? input.input ?? input.prompt ?? input.query ?? input.arguments
  const system = input.system ?? input.instructions
  if (system === undefined || system === null) return prompt
  const turns: readonly unknown[] = Array.isArray(prompt) ? prompt : [{ role: 'user', content: prompt }]
  return [{ role: 'system', content: system }, ...turns]
}

/**
 * What was answered: a chat's message, a completion's text, or a list of them when there are several choices.
 * Of an embedding nothing, since nobody reads vectors; of other operations the whole answer.
 */
export function answerOf({ operation, output }: Pick<CallReport, 'operation' | 'output'>): unknown {
  if (operation === 'embedding' || output === undefined) return undefined
  if (!Array.isArray(output.choices)) return output
  const answers = output.choices.filter(isJsonObject).map((choice) => choice.message ?? choice.text)
  return answers.length === 1 ? answers[0] : answers
}

/** The request's parameters: temperature, max_tokens, tools… Fields that are not known are left out: one may be a secret. */
export function modelParameters({ operation, input }: Pick<CallReport, 'operation' | 'input'>): JsonObject {
  if (input === undefined) return {}
  const names = parametersOf(operation)
  return Object.fromEntries(
    (names.length > 0 ? names : newerParameters)
      .filter((name) => !notParameters.has(name) && input[name] !== undefined && input[name] !== null)
      .map((name) => [name, input[name]]),
  )
}
