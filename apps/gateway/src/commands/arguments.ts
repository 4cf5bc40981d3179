/** Arguments of every command that listens. */
export const listenArguments = {
  port: { type: 'string', alias: 'p', description: 'Port to listen on (4000, or PORT)', valueHint: 'number' },
  host: {
    type: 'string',
    description: 'Address to listen on (127.0.0.1 without a master key, else all)',
    valueHint: 'address',
  },
  'log-level': { type: 'string', description: 'debug, info, warn, error or silent (info)', valueHint: 'level' },
} as const

/** What those arguments hold. */
export interface ListenArguments {
  readonly port?: string | undefined
  readonly host?: string | undefined
  readonly 'log-level'?: string | undefined
}
