import { type JsonObject, serverSentEvents } from '@tianjillm/core'

/** A call of a tool as answers tell it. */
export interface ToldCall {
  readonly id: string
  readonly tool_name: string
  readonly server: string | null
  readonly arguments: JsonObject | null
  readonly result: { readonly content: readonly { readonly text: string }[]; readonly isError?: boolean }
  readonly error: { readonly code: string; readonly message: string } | null
  readonly duration_ms: number
}

/** What `/api/query` answers. */
export interface Answered {
  readonly id: string
  readonly query_id: string
  readonly session_id: string
  readonly content: string
  readonly tool_calls: readonly ToldCall[]
  readonly provider_used: string
  readonly model: string
  readonly usage: JsonObject
  readonly attempts?: readonly { readonly provider: string; readonly model: string; readonly error?: string }[]
  readonly timestamp: string
  readonly duration_ms: number
}

/** What is refused. */
export interface Refused {
  readonly error: string
  readonly message: string
  readonly details?: JsonObject
  readonly request_id: string
  readonly timestamp: string
}

/** The answer. Throws what is said instead. */
export async function answered(response: Response): Promise<Answered> {
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${response.status}: ${text}`)
  return JSON.parse(text)
}

/** The refusal, with its status and headers. */
export async function refused(response: Response): Promise<Refused & Pick<Response, 'status' | 'headers'>> {
  const body = (await response.json()) as Refused
  return { ...body, status: response.status, headers: response.headers }
}

/** The events of a stream. */
export async function told(
  response: Response,
): Promise<readonly { readonly type: string; readonly data: JsonObject }[]> {
  const events: { type: string; data: JsonObject }[] = []
  for await (const { event, data } of serverSentEvents(response.body!))
    events.push({ type: event!, data: JSON.parse(data) })
  return events
}
