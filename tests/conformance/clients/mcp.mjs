// The official MCP client: from a 401 through discovery to a tool call. What to do comes as JSON on standard input.
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { PrivateKeyJwtProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js'

const input = JSON.parse(await new Promise((resolve) => {
  let text = ''
  process.stdin.on('data', (part) => (text += part)).on('end', () => resolve(text))
}))

const authProvider = new PrivateKeyJwtProvider({
  clientId: input.client_id, privateKey: input.private_key, algorithm: 'ES256', expectedIssuer: input.issuer,
  scope: input.scope,
})
try {
  const client = new Client({ name: 'conformance', version: '1' })
  await client.connect(new StreamableHTTPClientTransport(new URL(input.url), { authProvider }))
  const answer = await client.callTool({ name: input.tool, arguments: input.arguments })
  process.stdout.write(JSON.stringify({ answer, tokens: authProvider.tokens() }))
  await client.close()
} catch (error) {
  process.stdout.write(JSON.stringify({ refused: { name: error.name, message: error.message } }))
}
