/** What a loop may use at most. */
export interface LoopLimits {
  /** Times that the model is asked; in the last it is told to call no more tools. Default 10. */
  readonly turns: number
  /** Milliseconds after which the model is not asked again. Default: any. */
  readonly time: number
  /** Tokens of all turns after which the model is not asked again. Default: any. */
  readonly tokens: number
  /** US dollars after which the model is not asked again. Default: any. */
  readonly cost: number
  /** Calls that one turn may make; the model is told that the others were too many. Default 64. */
  readonly calls: number
  /** Calls under way at a time. Default 8. */
  readonly parallel: number
  /** Milliseconds one call may take. Default 30,000. */
  readonly callTime: number
  /** UTF-16 units of a result that the model gets to read. Default 65,536. */
  readonly resultLength: number
  /** UTF-16 units of JSON of all results that are kept whole; of those beyond it is what the model read. Default 32 Mi. */
  readonly keptLength: number
}

/** The limits of a loop that sets none. */
export const defaultLimits: LoopLimits = {
  turns: 10,
  time: Number.POSITIVE_INFINITY,
  tokens: Number.POSITIVE_INFINITY,
  cost: Number.POSITIVE_INFINITY,
  calls: 64,
  parallel: 8,
  callTime: 30_000,
  resultLength: 65_536,
  keptLength: 32 * 1024 * 1024,
}
