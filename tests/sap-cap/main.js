// Starts SAP CAP as one process that a test can own.
//
//   PORT=0 SAP_LOGIN=basic UNTIL_STDIN_ENDS=1 node main.js
//
// PORT             port on 127.0.0.1; 0 (the default) takes a free one
// SAP_LOGIN        basic (the default): CAP's own Basic check, user JTEL_GW, password s3cret
//                  jwt: Basic as above, and Bearer tokens checked against JWKS (auth.js)
// UNTIL_STDIN_ENDS 1: ends when standard input ends, so that no server outlives a test that was killed
//
// Once it answers it prints one line to standard output: `listening on http://127.0.0.1:PORT`.

process.chdir(__dirname) // CAP looks for its model and its settings in the current folder
process.env.PORT ||= '0'

const login = process.env.SAP_LOGIN || 'basic'
if (login === 'jwt') {
  process.env.CDS_REQUIRES_AUTH_KIND = 'custom'
  process.env.CDS_REQUIRES_AUTH_IMPL = 'auth.js'
} else if (login !== 'basic') {
  console.error(`SAP_LOGIN is "${login}"; it can be basic or jwt`)
  process.exit(2)
}

if (process.env.UNTIL_STDIN_ENDS === '1') process.stdin.on('end', () => process.exit(0)).resume()

require('@sap/cds/bin/serve').exec('all')
