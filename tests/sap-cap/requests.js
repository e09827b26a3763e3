// Remembers what was asked, so that a test can prove that SAP was asked once, or not at all.
//
//   GET    /_test/requests   {"count": N, "requests": [{"method","url","status",…}, …]}; no login needed
//   DELETE /_test/requests   forgets them; 204
//
// `count` is every OData request since the start or the last DELETE, `requests` the last 1,000 of them in
// the order in which they came. Credentials are not kept.
const LOOK = '/_test/requests'
const KEPT = 1000

let count = 0
let requests = []

exports.record = (req, res, next) => {
  if (req.path === LOOK) return look(req, res)
  if (!/^\/(sap|odata)\//.test(req.path) || comesFromAdapter(req)) return next()
  const request = {
    method: req.method,
    url: req.originalUrl,
    accept: req.headers.accept ?? null,
    acceptLanguage: req.headers['accept-language'] ?? null,
    userAgent: req.headers['user-agent'] ?? null,
    login: req.headers.authorization?.split(' ')[0] ?? null,
    status: null, // stays null when the asking side hangs up first
  }
  count += 1
  requests.push(request)
  if (requests.length > KEPT) requests.shift()
  res.on('finish', () => { request.status = res.statusCode })
  next()
}

function look(req, res) {
  if (req.method === 'DELETE') {
    count = 0
    requests = []
    return res.status(204).end()
  }
  return res.json({ count, requests })
}

/** The OData v2 adapter asks this same server again in v4, and says so. */
function comesFromAdapter(req) {
  return req.path.startsWith('/odata/v4/') && req.headers['x-cds-odata-version'] === 'v2'
}
