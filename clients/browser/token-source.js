// Tokens and signatures of a Transloadit Token Broker, for a page. README.md has the whole API on one screen.

/** @import { Identity, TokenSourceOptions, TokenSource } from './token-source.d.ts' */
/** @typedef {{ token: string, life: number, at: number, ticks: number }} Kept */
/** @typedef {{ inputs: string[], signal: AbortSignal, answer: Promise<any> }} Batch */
/** @typedef {(what: object, wanted: string, signal?: AbortSignal) => Promise<any>} Sign */

const API2 = 'https://api2.transloadit.com'
const MARGIN = 300 // seconds: with less than that left a token is never handed out
const LONGEST_WAIT = 60 // seconds: the broker's budget gives back one token a minute
const MOST_INPUTS = 100 // of one request
const SILENCE = 30_000 // milliseconds: API Gateway ends a request that takes longer

/** A refusal of the broker, or why there was no answer of it. */
export class TokenSourceError extends Error {
  /**
   * @param {string} code
   * @param {string} text
   * @param {{ status?: number, requestId?: string | undefined, retryAfter?: number | undefined }} [more]
   */
  constructor(code, text, { status = 0, requestId, retryAfter } = {}) {
    super(`${text} (docs/frontends.md#${code})`)
    this.name = 'TokenSourceError'
    this.code = code
    this.status = status
    this.requestId = requestId
    this.retryAfter = retryAfter
  }
}

// A page of nobody is refused as the broker would: the old token may not stand in for a new one.
const signedOut = () => new TokenSourceError('signed_out', 'Nobody is signed in.', { status: 401 })

/**
 * Wait for a promise as long as the signal lets. It goes on for all others that wait for it.
 *
 * @template T
 * @param {AbortSignal | undefined | null} signal
 * @param {T | PromiseLike<T>} promise
 * @returns {Promise<T>}
 */
const within = (signal, promise) =>
  new Promise((resolve, reject) => {
    const abort = () => reject(signal?.reason)
    signal?.addEventListener('abort', abort)
    Promise.resolve(promise)
      .then(resolve, reject)
      .finally(() => signal?.removeEventListener('abort', abort))
  })

/**
 * Send one request to the broker. Returns its answer, in which `wanted` is not empty; throws TokenSourceError.
 *
 * @param {string} url
 * @param {string} jwt
 * @param {RequestInit} init
 * @param {string} wanted
 * @param {AbortSignal} signal
 * @returns {Promise<any>}
 */
const send = async (url, jwt, init, wanted, signal) => {
  const request = new Request(url, { ...init, method: 'POST' })
  request.headers.set('authorization', `Bearer ${jwt}`)
  const both = AbortSignal.any([signal, AbortSignal.timeout(SILENCE)])
  let answer
  try {
    // A redirect could carry the identity elsewhere.
    answer = await fetch(request, { signal: both, redirect: 'error', credentials: 'omit' })
  } catch {
    throw new TokenSourceError('network_error', 'The broker is out of reach.')
  }
  // API Gateway's own answers have nothing but `message`, and a proxy's may be no JSON.
  const body = Object(await answer.json().catch(() => {}))
  // A text or a list: what is null or an object would be kept as a token, and be sent as `null` for hours.
  if (answer.ok && body[wanted]?.length) return body
  const { status, headers } = answer
  const code = [429, 503].includes(status) ? 'temporarily_unavailable' : 'unexpected_answer'
  throw new TokenSourceError(body.error ?? code, body.message ?? `This is no answer of a broker: ${status}.`, {
    status,
    requestId: body.request_id,
    retryAfter: Number(body.retry_after ?? headers.get('retry-after')) || undefined,
  })
}

/**
 * Ask the identity, then the broker. Ask again once when the identity is refused, and up to `tries` times when the broker is
 * busy; each time the identity is asked anew, since a JWT lives for minutes and a broker may be busy for one.
 *
 * @param {Identity} identity
 * @param {AbortSignal} signal
 * @param {(jwt: string) => Promise<any>} exchange
 * @param {number} [tries]
 */
const ask = async (identity, signal, exchange, tries = 3) => {
  for (let force = false, forced = false, wait = 1; ; wait *= 2) {
    signal.throwIfAborted()
    const jwt = await within(signal, typeof identity === 'string' ? identity : identity({ force }))
    if (!jwt) throw signedOut()
    try {
      return await within(signal, exchange(jwt))
    } catch (/** @type {any} */ error) {
      signal.throwIfAborted()
      const { status, retryAfter = wait } = error
      force = status === 401 && !forced
      if (force && typeof identity === 'string') {
        error.message += ' A text as identity cannot be renewed when it has expired: give a function.'
        throw error
      }
      if (force) forced = true
      else if ((status === 429 || status === 503) && tries-- > 0 && retryAfter <= LONGEST_WAIT) {
        const milliseconds = retryAfter * 1000 * (1 + Math.random() / 4)
        await within(signal, new Promise((resolve) => setTimeout(resolve, milliseconds)))
      } else throw error
    }
  }
}

/**
 * Keep one token, and renew it one at a time. A renewal that fails for want of an answer leaves the old token in use while it
 * has more than MARGIN left; a refusal does not.
 *
 * @param {(signal: AbortSignal, tries: number) => Promise<any>} exchange
 */
const keep = (exchange) => {
  /** @type {Kept | undefined} */
  let kept
  /** @type {Promise<string> | undefined} */
  let running

  // The ticks may stand still while a computer sleeps, and the wall clock may be set back: the greater age is the safe one.
  const left = () => (kept ? kept.life - Math.max(Date.now() - kept.at, performance.now() - kept.ticks) / 1000 : 0)

  /** @param {AbortSignal} signal */
  const renew = async (signal) => {
    const [at, ticks] = [Date.now(), performance.now()]
    try {
      const { access_token: token, expires_in: life } = await exchange(signal, left() > MARGIN ? 0 : 3)
      signal.throwIfAborted() // a sign-out may have come between the answer and here
      kept = { token, life, at, ticks }
      return token
    } catch (/** @type {any} */ error) {
      if (error.status >= 400 && error.status < 500 && error.status !== 429) kept = undefined
      if (kept && left() > MARGIN) return kept.token
      throw error
    }
  }

  return {
    /**
     * The token, but for the one that was refused (`true`: whichever is kept). Of many requests that were refused with the
     * same token only the first has a new one made.
     *
     * @param {AbortSignal} signal
     * @param {string | boolean} [refused]
     */
    take(signal, refused) {
      if (refused === true || kept?.token === refused) kept = undefined
      if (kept && left() > Math.max(kept.life / 5, MARGIN)) return kept.token
      if (!running) {
        const renewal = renew(signal).finally(() => {
          if (running === renewal) running = undefined
        })
        running = renewal
      }
      return running
    },
    forget() {
      kept = running = undefined
    },
  }
}

/**
 * The page's `fetch`, with a token for one origin.
 *
 * @param {string} origin
 * @param {() => AbortSignal} login
 * @param {(signal: AbortSignal, refused?: string) => string | Promise<string>} take
 * @returns {typeof fetch}
 */
const bear = (origin, login, take) => async (input, init) => {
  const signal = login() // a request that was begun before a sign-out never gets the next login's token
  /** @type {string | undefined} */
  let token
  const attempt = async () => {
    // What is compared is what is sent: no second reading of `input` can lead the token elsewhere.
    const request = new Request(input instanceof Request ? input.clone() : input, init)
    if (new URL(request.url).origin !== origin) return fetch(request)
    const both = AbortSignal.any([request.signal, signal])
    both.throwIfAborted()
    token = await within(both, take(signal, token))
    request.headers.set('authorization', `Bearer ${token}`)
    return fetch(request, { signal: both, redirect: 'error', credentials: 'omit' })
  }
  const answer = await attempt()
  // A stream cannot be sent twice.
  return answer.status === 401 && token && !(init?.body instanceof ReadableStream) ? attempt() : answer
}

/**
 * Gather the asks of the same moment: one request for each template and params.
 *
 * @param {() => AbortSignal} login
 * @param {Sign} sign
 * @returns {TokenSource['smartCdnUrl']}
 */
const gather = (login, sign) => {
  /** @type {Map<string, Batch>} */
  const batches = new Map()
  return async (template, input, params) => {
    const key = JSON.stringify([template, params])
    let batch = batches.get(key)
    if (!batch || batch.signal.aborted || batch.inputs.length === MOST_INPUTS) {
      /** @type {string[]} */
      const inputs = []
      const signal = login()
      const answer = Promise.resolve().then(() => {
        batches.clear()
        return sign({ kind: 'smart_cdn', template, inputs, params }, 'urls', signal)
      })
      batch = { inputs, signal, answer }
      batches.set(key, batch)
    }
    const place = batch.inputs.push(input) - 1
    return (await batch.answer).urls[place]
  }
}

/**
 * The signal of all that was begun since the last sign-out, in this tab or in another.
 *
 * @param {string} broker
 * @param {() => void} forget
 */
const follow = (broker, forget) => {
  let login = new AbortController()
  /** @type {BroadcastChannel | undefined} */
  let tabs
  const leave = () => {
    forget()
    login.abort(signedOut())
    login = new AbortController()
  }
  // Not before the first use: a server that renders the page makes a source, too, and a channel would keep it running.
  const join = () => {
    if (!tabs) {
      tabs = new BroadcastChannel(`transloadit-token-broker ${broker}`)
      tabs.onmessage = leave
    }
    return tabs
  }
  return {
    login() {
      join()
      return login.signal
    },
    end() {
      leave()
      join().postMessage('end')
    },
  }
}

/** @type {(options: TokenSourceOptions) => TokenSource} */
export const createTokenSource = ({ url, identity, scope = '', aud = '', credential, api2 = API2 }) => {
  const broker = new URL(url).origin
  /** @type {(path: string, init: RequestInit, wanted: string, signal: AbortSignal, tries?: number) => Promise<any>} */
  const exchange = (path, init, wanted, signal, tries) =>
    ask(identity, signal, (jwt) => send(broker + path, jwt, init, wanted, signal), tries)

  const tokens = keep((signal, tries) => {
    // The broker takes an empty field for an absent one.
    const body = new URLSearchParams({ grant_type: 'client_credentials', scope, aud, credential: credential ?? '' })
    return exchange('/token', { body }, 'access_token', signal, tries)
  })
  const { login, end } = follow(broker, tokens.forget)

  /** @type {Sign} */
  const sign = (what, wanted, signal = login()) => {
    const init = { body: JSON.stringify({ ...what, credential }), headers: { 'content-type': 'application/json' } }
    return exchange('/signature', init, wanted, signal)
  }

  return {
    async getToken({ force, signal } = {}) {
      signal?.throwIfAborted()
      return within(signal, tokens.take(login(), force))
    },
    fetch: bear(new URL(api2).origin, login, tokens.take),
    assemblyOptions: (template, fields) => async () => {
      const { params, signature } = await sign({ kind: 'assembly', template, fields }, 'signature')
      return { params, signature }
    },
    smartCdnUrl: gather(login, sign),
    storageGrant: async (grant) => (await sign({ kind: 'storage', grant }, 'grant')).grant,
    end,
  }
}
