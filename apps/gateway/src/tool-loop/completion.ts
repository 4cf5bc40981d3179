import type { LoopOutcome } from '@tianjillm/agent'
import { isJsonObject, type JsonObject } from '@tianjillm/core'
import { doneFields } from './history.ts'
import type { Toolkit } from './toolkit.ts'

/** What came of a loop as one completion: the last answer, the usage of all turns, and what was done. */
export function completionOf(outcome: LoopOutcome, { fields }: Toolkit): JsonObject {
  const { completion, message, usage } = outcome
  const [choice] = completion.choices
  const known = message.provider_specific_fields
  const told = { ...(isJsonObject(known) && known), ...fields, ...doneFields(outcome) }
  return {
    ...completion,
    choices: [
      {
        ...choice,
        index: 0,
        message: { ...message, ...(Object.keys(told).length > 0 && { provider_specific_fields: told }) },
        finish_reason: finishOf(outcome),
      },
    ],
    ...(usage && { usage }),
  }
}

/** Why an answer ends, in OpenAI's words; one that a limit has cut is a short one. */
export function finishOf({ end, completion }: LoopOutcome): string {
  if (end === 'their_calls') return 'tool_calls'
  if (end !== 'answer') return 'length'
  const reason = completion.choices[0]?.finish_reason
  // Some models say so although they call nothing.
  return reason === undefined || reason === null || reason === 'tool_calls' ? 'stop' : reason
}
