/** What the broker says of a refusal, or why there was no answer of it. */
export declare class TokenSourceError extends Error {
  /** The broker's code (RFC 6749), `signed_out`, `network_error` or `unexpected_answer`: a heading of docs/frontends.md. */
  readonly code: string
  /** The status of the answer; 401 where nobody is signed in, 0 where there was no answer. */
  readonly status: number
  /** By this the broker's operator finds the reason. */
  readonly requestId?: string | undefined
  /** Seconds after which another try makes sense. */
  readonly retryAfter?: number | undefined
}

/**
 * The JWT of whoever is signed in, or a function that gives a valid one; it is called at each exchange. It gives null where
 * nobody is signed in. With `force` the broker has refused the last one: get a new one from the issuer.
 */
export type Identity = string | ((o: { force: boolean }) => string | null | Promise<string | null>)

export interface TokenSourceOptions {
  /** The broker's origin, such as `https://tokens.example.com`. */
  url: string
  identity: Identity
  /** Scopes of the token, separated by spaces; all that the policy gives by default. */
  scope?: string | undefined
  /** `api2` by default. */
  aud?: string | undefined
  /** A credential of the trust policy; `default` by default. */
  credential?: string | undefined
  /** The origin to which `fetch` sends the token; another than Transloadit's for a local stack. */
  api2?: string | undefined
}

export interface TokenSource {
  /** A bearer token with at least five minutes left. `force`: the last one was refused. `signal` ends this waiting alone. */
  getToken(o?: { force?: boolean | undefined; signal?: AbortSignal | null | undefined }): Promise<string>
  /** The page's `fetch`, with a bearer token for api2 and for no other origin; one more try after a 401. */
  fetch: typeof fetch
  /** What Uppy's `assemblyOptions` takes: it has a new signature made for each upload. */
  assemblyOptions(template: string, fields?: Record<string, string>): () => Promise<{ params: string; signature: string }>
  /** A signed URL of a picture. Asks for one template and params that are made at the same moment go in one request. */
  smartCdnUrl(template: string, input: string, params?: object): Promise<string>
  /** A grant for Transloadit Storage. */
  storageGrant(name: string): Promise<string>
  /** Signed out: forgets the token, aborts what runs, and tells the other tabs. */
  end(): void
}

export declare function createTokenSource(options: TokenSourceOptions): TokenSource
