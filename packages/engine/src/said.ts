import { isJsonObject, type JsonObject } from '@tianjillm/core'

/** What an answer said, or a part of it. */
export interface Said {
  readonly text: string
  /** How many times as much the whole answer is. */
  readonly times: number
}

const NONE: readonly unknown[] = []

/** All that a model wrote in an answer, or in a chunk of one: its words, its reasoning, and what it hands to tools. */
export function saidBy({ choices }: JsonObject): string {
  let said = ''
  for (const choice of listIn(choices)) {
    if (!isJsonObject(choice)) continue
    const part = isJsonObject(choice.delta) ? choice.delta : isJsonObject(choice.message) ? choice.message : choice
    said += textIn(part.text) + textIn(part.content) + textIn(part.reasoning_content)
    for (const call of listIn(part.tool_calls))
      if (isJsonObject(call) && isJsonObject(call.function))
        said += textIn(call.function.name) + textIn(call.function.arguments)
  }
  return said
}

/** What a whole answer says, if there is one. */
export function saidIn(answer: JsonObject | undefined): Said {
  return { text: answer === undefined ? '' : saidBy(answer), times: 1 }
}

function listIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : NONE
}

function textIn(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
