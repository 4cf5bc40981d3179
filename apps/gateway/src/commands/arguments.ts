/** Arguments of every command that listens. */
export const listenArguments = {
  port: {
    type: 'string',
    alias: 'p',
    description: 'Port to listen on (4000, or PORT, or API_PORT)',
    valueHint: 'number',
  },
  host: {
    type: 'string',
    description: 'Address to listen on (API_HOST, else 127.0.0.1 without a key, else all)',
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
