export { converseChunks } from './chunks.ts'
export { converseCompletion } from './completion.ts'
export { bedrockFault } from './fault.ts'
export { converseParameters, converseRequest } from './request.ts'
