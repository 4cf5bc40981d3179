/** What the router has to know of a deployment. */
export interface Candidate {
  readonly id: string
  /** The model group it serves; may hold one `*`. */
  readonly group: string
  /** The vendor's model id; a `*` in it stands for what the group's captured. */
  readonly model: string
  readonly traits: Traits
}

/** What routing goes by. What is undefined plays no part. */
export interface Traits {
  /** Lower ones are tried first; deployments without come last. */
  readonly order?: number | undefined
  /** Share of the load. */
  readonly weight?: number | undefined
  /** Requests a minute. */
  readonly rpm?: number | undefined
  /** Tokens a minute. */
  readonly tpm?: number | undefined
  /** Calls at the same time. */
  readonly maxParallelRequests?: number | undefined
  /** Whether its budget, or its vendor's, is used up for now. */
  readonly isSpent?: (() => boolean) | undefined
  readonly tags?: readonly string[] | undefined
  /** Of lines such as `User-Agent: curl/8`; a request that has one of them is as good as tagged. */
  readonly tagPatterns?: readonly RegExp[] | undefined
  readonly region?: string | undefined
  /** Tokens that a request may have. */
  readonly maxInputTokens?: number | undefined
  /** Dollars for a token read and one written, together. */
  readonly price?: number | undefined
  /** Milliseconds; else the router's. */
  readonly cooldownTime?: number | undefined
  /** Tries after one of it that failed; else the router's. */
  readonly numRetries?: number | undefined
}

/** A deployment with the model it is to be asked for. */
export interface Route<Deployment> {
  readonly deployment: Deployment
  /** The vendor's model id. */
  readonly model: string
}
