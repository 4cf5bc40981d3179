/** Where Redis is and how it is spoken to. */
export interface RedisSettings {
  /** `redis://user:password@host:6379/0`, or `rediss://` for TLS; what it says comes before the settings below. */
  readonly url?: string | undefined
  /** Default 127.0.0.1. */
  readonly host?: string | undefined
  /** Default 6379. */
  readonly port?: number | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Default 0. */
  readonly db?: number | undefined
  /** Undefined: no TLS. */
  readonly tls?: RedisTls | undefined
  /** What all keys begin with. Default `tianji`. */
  readonly namespace?: string | undefined
  /** Some nodes of a cluster; the others are found. Replaces host and port. */
  readonly nodes?: readonly Address[] | undefined
  /** Sentinels that know where the master is. Replaces host and port. */
  readonly sentinels?: SentinelSettings | undefined
}

/** How certificates are checked. */
export interface RedisTls {
  /** Whether they are checked at all. */
  readonly verifies: boolean
  /** Whether their host names are. */
  readonly checksHostName: boolean
  /** Certificates to trust in place of the usual ones, in PEM. */
  readonly ca?: string | undefined
}

/** Sentinels, and what they call the master. */
export interface SentinelSettings {
  readonly addresses: readonly Address[]
  readonly service: string
  readonly password?: string | undefined
}

/** Where a server listens. */
export interface Address {
  readonly host: string
  readonly port: number
}
