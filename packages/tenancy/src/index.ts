export { after } from './duration.ts'
export { createKeyring, type Keyring, type KeyringSettings } from './keyring.ts'
export {
  deleteKeys,
  generateKey,
  hashOf,
  type KeyRooms,
  type KeyRow,
  keyFacts,
  keyInfo,
  listKeys,
  regenerateKey,
  setBlocked,
  updateKey,
} from './keys.ts'
