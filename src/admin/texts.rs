//! What the admin listener says in words.

use std::time::Duration;

use crate::telemetry::clock;

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

/// As the beginning of a sentence.
pub(super) fn begun_with_a_capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

/// Whole seconds since a second since 1970.
pub(super) fn seconds_since(unix_seconds: f64) -> u64 {
    #[expect(clippy::cast_precision_loss, reason = "seconds of this century")]
    let up = clock::unix_seconds() as f64 - unix_seconds;
    Duration::try_from_secs_f64(up.max(0.0)).unwrap_or_default().as_secs()
}
