// Cloud for Customer reads `*` inside `eq` as "anything" (SAP's developer guide for its OData API, $filter);
// CAP reads it as a star. With this, an ID of `*` really finds other partners, as it would there.
const cds = require('@sap/cds')

exports.c4codataapi = class extends cds.ApplicationService {
  init() {
    this.before('READ', '*', req => widen(req.query.SELECT?.where))
    return super.init()
  }
}

function widen(where) {
  if (!Array.isArray(where)) return
  where.forEach((part, at) => {
    if (part.xpr) widen(part.xpr)
    if (part !== '=' && part !== '==') return
    for (const side of [at - 1, at + 1]) {
      const { val } = where[side] ?? {}
      if (typeof val !== 'string' || !val.includes('*')) continue
      where[at] = 'like'
      where[side] = { ...where[side], val: val.replaceAll('*', '%') }
    }
  })
}
