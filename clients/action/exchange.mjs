// The action of ../../action.yml, for the Node of GitHub's runner: the job's identity in, a bearer token out.
// https://docs.github.com/en/actions/reference/security/oidc
import { appendFileSync } from 'node:fs'

const TRIES = 3 // beyond the first, and for 429 and 503 alone
const MAX_WAIT = 60 // seconds before another try
const TIMEOUT = 30_000 // milliseconds of one request
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost'])

// Neither the JWT nor a claim of it is in a message: the log of a public repository is public.
class Refused extends Error {}

const input = (name) => (process.env[`INPUT_${name.toUpperCase()}`] ?? '').trim()

function readOrigin(text) {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || url.pathname !== '/' || url.search || url.hash || url.username || url.password) {
    throw new Refused('`url` is the origin of the broker, such as https://tokens.example.com, and nothing more')
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && LOOPBACK.has(url.hostname))) {
    throw new Refused('`url` must begin with https://; nothing was sent')
  }
  return url.origin
}

// A JWT of the job for this audience, new for each exchange: it is good for minutes.
async function askIdentity(audience) {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: secret } = process.env
  if (!address || !secret) {
    throw new Refused(
      'the job has no identity; add `permissions: {id-token: write}` to it (a pull request from a fork never has one)',
    )
  }
  const url = new URL(address)
  url.searchParams.set('audience', audience)
  const answer = await send(url, { headers: { authorization: `Bearer ${secret}` } }, "GitHub's identity endpoint")
  const jwt = answer.body.value
  if (answer.status !== 200 || typeof jwt !== 'string') {
    throw new Refused(`GitHub's identity endpoint answered ${answer.status}; run the job again`)
  }
  return jwt
}

async function send(url, options, name) {
  try {
    const answer = await fetch(url, { ...options, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT) })
    const text = await answer.text()
    return { status: answer.status, body: readObject(text) }
  } catch {
    // The cause could quote the request.
    throw new Refused(`${name} is out of reach, or redirects`)
  }
}

function readObject(text) {
  try {
    const value = JSON.parse(text)
    return value !== null && typeof value === 'object' ? value : {}
  } catch {
    return {}
  }
}

async function exchange(origin, audience, fields) {
  for (let tries = 0; ; tries++) {
    const jwt = await askIdentity(audience)
    const askedAt = Date.now()
    const headers = { authorization: `Bearer ${jwt}`, 'content-type': 'application/x-www-form-urlencoded' }
    const body = new URLSearchParams({ grant_type: 'client_credentials', ...fields }).toString()
    const answer = await send(`${origin}/token`, { method: 'POST', headers, body }, 'the broker at `url`')
    if (answer.status === 200) return readToken(answer.body, askedAt)
    const wait = Number(answer.body.retry_after ?? 1)
    if (![429, 503].includes(answer.status) || tries === TRIES || !(wait <= MAX_WAIT)) {
      throw new Refused(describeRefusal(answer, fields, jwt))
    }
    await new Promise((resolve) => setTimeout(resolve, wait * 1000 * (1 + Math.random() / 4)))
  }
}

function readToken(body, askedAt) {
  const { access_token: token, expires_in: seconds, scope } = body
  // A line break in it would be another output, or another command to the runner.
  if (!/^[\x21-\x7e]+$/.test(token) || typeof token !== 'string' || !(seconds > 0 && seconds <= 86_400)) {
    throw new Refused('the answer of the broker holds no token; is `url` that of the broker?')
  }
  const expiresAt = new Date(askedAt + seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z')
  // What no scope has could be a command to the runner, which reads the log.
  return { token, expiresAt, scope: readText(scope).replace(/[^\w:., *-]/g, '') }
}

const readText = (value) => (typeof value === 'string' ? value : '')

function describeRefusal({ status, body }, fields, jwt) {
  const kind = readText(body.error) || 'not an answer of the broker'
  const options = Object.entries(fields).map(([name, text]) => ` --${name} "${text}"`)
  const lines = [`${kind} (${status}): ${readText(body.message) || 'no message'}`]
  if (readText(body.request_id)) lines.push(`Request ${body.request_id}: its audit record has the reason.`)
  if (status < 500 && status !== 429 && body.error) {
    lines.push(`With a JWT of this job: token-broker policy explain --jwt FILE${options.join('')}`)
  }
  const text = lines.join('\n')
  // A server that is no broker may send back what it got, or a part of it.
  const isEcho = jwt.split('.').some((part) => part.length >= 20 && text.includes(part.slice(0, 20)))
  return isEcho ? `the answer repeats what it got (${status}); is \`url\` that of the broker?` : text
}

// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
const escape = (text) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')

try {
  const origin = readOrigin(input('url'))
  const asked = { scope: input('scope'), aud: input('aud') }
  const fields = Object.fromEntries(Object.entries(asked).filter(([, text]) => text))
  const { token, expiresAt, scope } = await exchange(origin, input('audience') || origin, fields)
  process.stdout.write(`::add-mask::${token}\n`) // before it is written anywhere
  appendFileSync(process.env.GITHUB_OUTPUT, `token=${token}\nexpires-at=${expiresAt}\n`)
  process.stdout.write(`A bearer token for ${scope}, until ${expiresAt}\n`)
} catch (error) {
  if (!(error instanceof Refused)) throw error
  process.stdout.write(`::error title=Transloadit token::${escape(error.message)}\n`)
  process.exitCode = 1
}
