// The login of an SAP system that takes Basic (a communication user) and Bearer tokens (OAuth2 client
// credentials) side by side. Used with SAP_LOGIN=jwt.
//
// JWKS  where the token server shows its keys; http://127.0.0.1:4492/jwks unless set
// AUD   the audience a token must name; urn:sap unless set, `-` for any
const cds = require('@sap/cds')
const { users } = require('./package.json').cds.requires.auth

const keysAt = new URL(process.env.JWKS || 'http://127.0.0.1:4492/jwks')
const audience = process.env.AUD || 'urn:sap'
let jose
let keys

module.exports = async (req, res, next) => {
  const refuse = challenge => res.set('www-authenticate', challenge).status(401).type('text/plain').send('Unauthorized')
  const admit = id => {
    req.user = new cds.User({ id, roles: ['authenticated-user'] })
    next()
  }
  const [scheme, credentials = ''] = (req.headers.authorization || '').split(' ')
  if (scheme === 'Basic') {
    const [, user, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(credentials, 'base64').toString()) ?? []
    const known = Object.hasOwn(users, user ?? '') && users[user].password === password
    return known ? admit(user) : refuse('Basic realm="SAP"')
  }
  if (scheme === 'Bearer') {
    try {
      jose ??= await import('jose') // an ES module
      keys ??= jose.createRemoteJWKSet(keysAt)
      const { payload } = await jose.jwtVerify(credentials, keys, audience === '-' ? {} : { audience })
      return admit(payload.sub || payload.client_id || 'technical')
    } catch (error) {
      const why = String(error.code || error.message).replaceAll('"', '')
      return refuse(`Bearer realm="SAP", error="invalid_token", error_description="${why}"`)
    }
  }
  return refuse('Basic realm="SAP", Bearer')
}
