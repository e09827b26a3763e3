// What CAP lacks against a real SAP system: Cloud for Customer's shape of answers, a language in the
// query, and a memory of what was asked. CAP loads this file by its name (server.js).
const http = require('node:http')
const cds = require('@sap/cds')
const express = require('express')
const requests = require('./requests')

module.exports = async options => {
  const app = express()
  app.disable('x-powered-by')
  app.use(requests.record)
  // CAP would listen on every address of the machine.
  app.listen = port => http.createServer(app).listen(Number(port), '127.0.0.1')
  return cds.server({ ...options, app })
}

cds.once('listening', ({ server }) => console.log(`listening on http://127.0.0.1:${server.address().port}`))

cds.on('bootstrap', () => {
  // The OData v2 adapter registers itself before any app.use that follows; this is its own way in.
  cds.cov2ap.before = (req, res, next) => {
    pinLanguage(req)
    shapeAnswer(req, res)
    next()
  }
})

/** `sap-language` in the query wins over Accept-Language in every SAP stack; CAP knows the header only. */
function pinLanguage(req) {
  const language = /[?&]sap-language=([A-Za-z]{2})/.exec(req.originalUrl)
  if (language) req.headers['accept-language'] = language[1].toLowerCase()
}

/** Holds the answer back until it is whole, then gives it SAP's headers and Cloud for Customer's arrays. */
function shapeAnswer(req, res) {
  const cloudForCustomer = req.originalUrl.includes('/c4codataapi') // later the adapter rewrites the URL
  const start = Date.now()
  const chunks = []
  const keep = (chunk, encoding) => {
    if (!chunk || typeof chunk === 'function') return
    chunks.push(Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk, typeof encoding === 'string' ? encoding : 'utf8'))
  }
  let head
  res.writeHead = (...args) => { head = args; return res }
  res.write = (chunk, encoding) => { keep(chunk, encoding); return true }
  res.end = (chunk, encoding) => {
    keep(chunk, encoding)
    for (const own of ['writeHead', 'write', 'end']) delete res[own]
    let body = Buffer.concat(chunks)
    if (cloudForCustomer && /json/.test(String(res.getHeader('content-type')))) body = withBareArrays(body)
    res.removeHeader('connection') // "close" is the adapter's own connection to CAP, not the caller's
    res.setHeader('content-length', body.length)
    res.setHeader('cache-control', 'no-cache, no-store')
    if (cloudForCustomer) res.setHeader('c4c-odata-response-time', `${Date.now() - start} ms`)
    if (head) res.writeHead(...head)
    return res.end(body)
  }
}

/**
 * Cloud for Customer answers an expanded 1:n navigation as a bare array, SAP Gateway (S/4) and CAP as
 * `{"results":[…]}`. The outermost `d.results` is the same in both.
 */
function withBareArrays(body) {
  let answer
  try { answer = JSON.parse(body) } catch { return body }
  if (!answer.d) return body
  if (Array.isArray(answer.d.results)) answer.d.results.forEach(flatten)
  else flatten(answer.d)
  return Buffer.from(JSON.stringify(answer))
}

function flatten(value) {
  if (Array.isArray(value)) return value.forEach(flatten)
  if (!value || typeof value !== 'object') return
  for (const [name, inner] of Object.entries(value)) {
    if (inner && Array.isArray(inner.results) && Object.keys(inner).length === 1) value[name] = inner.results
    flatten(value[name])
  }
}
