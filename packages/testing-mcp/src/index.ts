export { type AnyClient, type CallOptions, clientBy, type Way, ways } from './clients.ts'
export {
  type FakeServer,
  fakeServer,
  type House,
  type HouseSettings,
  houseOf,
  type Keys,
  logOf,
  offerOf,
  sdkServer,
  toolOf,
} from './serving-house.ts'
