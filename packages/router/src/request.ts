import type { ErrorKind } from '@tianjillm/core'

/** What routing has to know of a request. */
export interface RoutingRequest {
  /** The model as the client names it. */
  readonly model: string
  readonly tags: readonly string[]
  /** What the client's program calls itself. */
  readonly userAgent?: string | undefined
  /** Region the client confines it to. */
  readonly region?: string | undefined
  /** How many tokens it has, roughly; asked for only where it matters. */
  readonly countTokens?: (() => number) | undefined
  /** The client's own groups to stand in; they take the place of the configured ones. */
  readonly fallbacks?: readonly string[] | undefined
  readonly disablesFallbacks?: boolean | undefined
  readonly numRetries?: number | undefined
  /** Milliseconds of the driver's clock: nothing is waited for that would come later. */
  readonly deadline?: number | undefined
  /** Lets the first group fail like that without being asked, to see what stands in for it. */
  readonly failsWith?: ErrorKind | undefined
}
