export { after } from './duration.ts'
export { createKeyring, type Keyring, type KeyringSettings } from './keyring.ts'
export { createKeys, hashOf, type KeyRooms, type KeyRow, type Keys } from './keys.ts'
