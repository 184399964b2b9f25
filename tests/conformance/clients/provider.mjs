// oidc-provider, a certified OpenID provider, as an issuer of JWT access tokens. Its port comes as an argument.
import * as oidc from 'oidc-provider'

const port = Number(process.argv[2])
const audience = process.argv[3]
const provider = new oidc.Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'batch', client_secret: 'of-this-provider-alone', grant_types: ['client_credentials'],
    redirect_uris: [], response_types: [],
  }],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => audience,
      getResourceServerInfo: () => ({ scope: 'jobs', audience, accessTokenFormat: 'jwt', accessTokenTTL: 300 }),
    },
  },
})
provider.listen(port, '127.0.0.1', () => process.stdout.write('ready\n'))
