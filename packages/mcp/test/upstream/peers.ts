import type { Peer } from '../../src/upstream.ts'

/** A client that can neither be asked nor told. */
export const anyone: Peer = { capabilities: {}, request: undefined, notify: undefined }
