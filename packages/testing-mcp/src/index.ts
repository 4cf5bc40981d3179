export {
  type AuthorizationBehaviour,
  type AuthorizationServer,
  authorizationServer,
  type GivenToken,
} from './authorization-server.ts'
export {
  type AnyClient,
  type CallOptions,
  clientBy,
  clientOf,
  type Program,
  type ProgramWay,
  programWays,
  type Way,
  ways,
} from './clients.ts'
export { type Door, doorTo, type Knock, type TurnedAway } from './door.ts'
export {
  type Answer,
  answerBy,
  type HttpServer,
  listen,
  newerHttp,
  newerServer,
  olderHttp,
  olderSse,
  overHttp,
  overSse,
  shut,
} from './http-servers.ts'
export { linkClient } from './link-client.ts'
export { nothingSeen, olderServer, type Seen, someTools } from './older-tools.ts'
export { type ProtectedBehaviour, type ProtectedServer, protectedServer } from './protected-server.ts'
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
export { type Switchboard, switchboard } from './switchboard.ts'
