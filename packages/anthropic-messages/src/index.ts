export { checkedEvents, messagesEvents } from './events.ts'
export { type MessagesErrorBody, readErrorEvent, readMessagesFault, writeMessagesError } from './faults.ts'
export { plainChatRequest } from './plain-request.ts'
export { readMessagesRequest } from './read-request.ts'
export { readMessagesResponse } from './read-response.ts'
export { readMessagesStream } from './read-stream.ts'
export type { Reading } from './reading.ts'
export type {
  Block,
  MessagesEvent,
  MessagesRequest,
  MessagesResponse,
  MessagesTool,
  MessagesUsage,
  Turn,
} from './wire.ts'
export { messagesParameters, writeMessagesRequest } from './write-request.ts'
export { writeMessagesResponse } from './write-response.ts'
export { writeMessagesStream } from './write-stream.ts'
