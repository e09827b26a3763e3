// An OAuth2 token server (oidc-provider, a certified OpenID provider): client credentials with a real
// check of the client.
//
//   PORT=0 TTL=2 UNTIL_STDIN_ENDS=1 node token-server.mjs
//
// Client `gw`, secret `gwsecret`, scope `sap.read`, audience `urn:sap`; tokens are JWTs that live TTL
// seconds (3600). AUTHM: how the client shows its secret, client_secret_basic or client_secret_post, or
// private_key_jwt with the public key that CLIENT_JWKS has (`{"keys":[…]}`).
// Prints `listening on http://127.0.0.1:PORT`; tokens at /token, keys at /jwks.
import http from 'node:http'
import Provider from 'oidc-provider'

const ttl = Number(process.env.TTL || 3600)
const server = http.createServer()

server.listen(Number(process.env.PORT || 0), '127.0.0.1', () => {
  // The issuer is part of every token, so the port has to be known first.
  const issuer = `http://127.0.0.1:${server.address().port}`
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'gw',
      ...(process.env.CLIENT_JWKS ? { jwks: JSON.parse(process.env.CLIENT_JWKS) } : { client_secret: 'gwsecret' }),
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      scope: 'sap.read',
      token_endpoint_auth_method: process.env.AUTHM || 'client_secret_basic',
    }],
    scopes: ['sap.read'],
    ttl: { ClientCredentials: () => ttl },
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:sap',
        getResourceServerInfo: () => ({
          scope: 'sap.read',
          audience: 'urn:sap',
          accessTokenTTL: ttl,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  })
  server.on('request', provider.callback())
  console.log(`listening on ${issuer}`)
})

if (process.env.UNTIL_STDIN_ENDS === '1') process.stdin.on('end', () => process.exit(0)).resume()
