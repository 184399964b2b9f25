// One request for a token by an unmodified client. What to do comes as JSON on standard input, what came of it goes out as JSON.
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const TYPE = 'urn:ietf:params:oauth:token-type:jwt'

const input = JSON.parse(await new Promise((resolve) => {
  let text = ''
  process.stdin.on('data', (part) => (text += part)).on('end', () => resolve(text))
}))

const parameters = (form) => {
  const fields = input.scope ? { scope: input.scope } : {}
  if (form === 'exchange') return { ...fields, subject_token: input.jwt, subject_token_type: TYPE }
  if (form === 'bearer') return { ...fields, assertion: input.jwt }
  return fields
}
const grants = { exchange: EXCHANGE, bearer: BEARER }

const privateKey = async () => {
  const key = await crypto.subtle.importKey('jwk', input.private_jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
  return { key, kid: input.private_jwk.kid }
}

async function withOauth4webapi() {
  const insecure = { [oauth.allowInsecureRequests]: true }
  const url = new URL(input.issuer)
  const as = input.token_endpoint
    ? { issuer: input.issuer, token_endpoint: input.token_endpoint }
    : await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { ...insecure, algorithm: 'oauth2' }))
  const client = { client_id: input.client_id ?? 'anybody' }
  if (input.form === 'private_key_jwt') {
    const auth = oauth.PrivateKeyJwt(await privateKey())
    const response = await oauth.clientCredentialsGrantRequest(as, client, auth, parameters(), insecure)
    return oauth.processClientCredentialsResponse(as, client, response)
  }
  const response = await oauth.genericTokenEndpointRequest(
    as, client, oauth.None(), grants[input.form], parameters(input.form), insecure,
  )
  return oauth.processGenericTokenEndpointResponse(as, client, response)
}

async function withOpenidClient() {
  const execute = [openid.allowInsecureRequests]
  const auth = input.form === 'private_key_jwt' ? openid.PrivateKeyJwt(await privateKey()) : openid.None()
  const client_id = input.client_id ?? 'anybody'
  let config
  if (input.token_endpoint) {
    const server = { issuer: input.issuer, token_endpoint: input.token_endpoint }
    config = new openid.Configuration(server, client_id, undefined, auth)
    openid.allowInsecureRequests(config)
  } else {
    config = await openid.discovery(new URL(input.issuer), client_id, undefined, auth, { algorithm: 'oauth2', execute })
  }
  if (input.form === 'private_key_jwt') return openid.clientCredentialsGrant(config, parameters())
  return openid.genericGrantRequest(config, grants[input.form], parameters(input.form))
}

const libraries = { oauth4webapi: withOauth4webapi, 'openid-client': withOpenidClient }
try {
  const answer = await libraries[input.library]()
  process.stdout.write(JSON.stringify({ answer }))
} catch (error) {
  const { name, code, status } = error
  const told = { name, code, status, error: error.error, description: error.error_description, message: error.message }
  process.stdout.write(JSON.stringify({ refused: { ...told, challenges: error.cause?.length !== undefined } }))
}
