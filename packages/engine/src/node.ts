export { createFetchWithin, type LookUp } from './fetch-within.ts'
export { nodeTransport } from './node-transport.ts'
