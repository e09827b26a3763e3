//! What the admin listener says in words.

/// To somebody who may not change anything.
pub(super) const NOT_FOR_YOU: &str = "this is answered to programs on this machine, to operators who have shown \
    who they are, and to the forms of the status page; one that is older than this process has to be \
    loaded again\n";

/// To somebody who wants decisions of a kind that there is not.
pub(super) const KINDS: &str = "write ?only=all, refused or sap\n";

/// To somebody who has to show who he is.
pub(super) const WHO: &str =
    "show who you are: a name and password of admin.operators, or a certificate\n";

/// For a call that is not there.
pub(super) const UNKNOWN_CALL: &str = "this call is not known here (any more): the access record has what was \
    decided, and other replicas have their own calls\n";

/// All that is answered, for people at a terminal.
pub(super) const OVERVIEW: &str = "\
dialgate admin listener

GET  /                    the status page
GET  /status.json         the same for programs
GET  /decisions           the last decisions (.json; ?most=200, ?only=refused or sap)
GET  /explain?call=ID     why a call was decided so (.json)
GET  /events              the state once a second, as server-sent events (?of=status, decisions, page)
GET  /warnings.json       the last warnings of the log
GET  /coverage.json       the contract numbers that SAP's answers have led to
GET  /runbook             what to do about each alert
GET  /metrics             everything Prometheus wants to know
GET  /livez               200 while the process lives
GET  /readyz              200 while calls can be sent here; ?verbose says why not

From this machine, or by an operator:

POST /reload              read the configuration and its files again
POST /sap/retry-login     ask SAP again after it refused our credentials
POST /sap/reset-breaker   ask SAP again although it failed too often
POST /memory/forget       forget a partner (partner=ID in the body)
POST /log?level=debug     another log level for ten minutes: error, warn, info, debug; or configured,
                          the one of the configuration again
POST /drain               not ready; answer what is in progress, then end
";
