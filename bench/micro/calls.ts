import { type Asked, CallRecord, LiveCall } from '@tianjillm/engine'
import { parseRequest, readRequest } from '../../apps/gateway/src/http/requests.ts'
import { chatRequest, host } from './samples.ts'

/** A chat request of 300 bytes, read. */
export const asked: Asked = readRequest(
  { operation: 'chat' },
  parseRequest('chat', chatRequest(300), 'application/json'),
)

/** A call and its record, as the server makes them. */
export function arrive(model = 'gpt-5'): { readonly call: LiveCall; readonly record: CallRecord } {
  const call = new LiveCall(host, {
    ...{ id: 'bench', operation: 'chat', model },
    caller: { keyAlias: 'bench', ip: '127.0.0.1', userAgent: 'OpenAI/Python 2.0.0' },
  })
  return { call, record: new CallRecord({ route: '/v1/chat/completions', traceId: 'bench', tags: [] }, call) }
}
