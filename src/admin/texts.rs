//! What the admin listener says in words.

/// To somebody who may not change anything.
pub(super) const NOT_FOR_YOU: &str = "this is answered to programs on this machine, to operators who have shown \
    who they are, and to the forms of the status page; one that is older than this process has to be \
    loaded again\n";

/// To somebody who wants decisions of a kind that there is not.
pub(super) const KINDS: &str = "write ?only=all, refused or sap\n";

/// To somebody who wants to hear of decisions that there are not.
pub(super) const WHICH: &str = "write ?only=all, refused or sap; client=NAME; reason= and source= with a word of the \
    access record, each once\n";

/// To somebody who has to show who he is.
pub(super) const WHO: &str =
    "show who you are: a name and password of admin.operators, or a certificate\n";

/// For a call that is not there.
pub(super) const UNKNOWN_CALL: &str = "this call is not known here (any more): the access record has what was \
    decided, and other replicas have their own calls\n";

/// To a page of another site.
pub(super) const NOT_FROM_THERE: &str =
    "a page of another site may lead here, and may not fetch anything from here\n";
