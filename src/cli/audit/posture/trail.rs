//! The audit trail: whether there is one, and whether somebody else would notice that it is gone.

use std::{fs, os::unix::fs::MetadataExt};

use super::{Seen, Severity, is_this_machine};
use crate::config::{Anchor, Config, WhenUnwritable};

pub(super) fn look(config: &Config, seen: &mut Seen) {
    let Some(audit) = &config.audit else {
        seen.note(
            Severity::Low,
            "audit",
            "there is no audit trail: access records can be changed, and lost, without anybody noticing",
            "turn it on as docs/audit.md says, where decisions have to be proved",
        );
        return;
    };
    if audit.anchors.is_empty() {
        seen.note(
            Severity::Medium,
            "audit.anchors",
            "no second place keeps checkpoints: an end that was cut off is found by nobody",
            "name a log server, or a file on another machine",
        );
    }
    for (index, anchor) in audit.anchors.iter().enumerate() {
        let key = format!("audit.anchors[{index}]");
        match anchor {
            Anchor::File(file) if file.parent() == Some(audit.folder.as_path()) => seen.note(
                Severity::Medium,
                key,
                "it is in the folder of the trail: whoever can change the one can change the other",
                "take a file on another disk or machine",
            ),
            Anchor::Syslog { address, .. } if !address.ip().is_loopback() => seen.note(
                Severity::Info,
                key,
                "checkpoints cross the network in plain text; they are signed, and tell nothing of calls",
                "see that only this machine can write there under its name",
            ),
            Anchor::Http { url, .. }
                if url.scheme_str() == Some("http") && !is_this_machine(url) =>
            {
                seen.note(
                    Severity::Low,
                    key,
                    "nobody proves to be the second place: a checkpoint may end somewhere else",
                    "take https",
                );
            }
            Anchor::File(_) | Anchor::Syslog { .. } | Anchor::Http { .. } => {}
        }
    }
    if audit.when_unwritable == WhenUnwritable::Continue {
        seen.note(
            Severity::Info,
            "audit.when_unwritable",
            "calls go on while the trail cannot be written: records may be missing, and it says how many",
            "write `refuse` where a decision must never be without its record",
        );
    }
    for (key, folder) in [("audit.folder", &audit.folder), ("audit.keys", &audit.keys)] {
        let Ok(metadata) = fs::metadata(folder) else { continue };
        if metadata.mode() & 0o007 != 0 {
            let told = folder.display();
            seen.note(
                Severity::Medium,
                key,
                format!(
                    "everybody on this machine gets into {told} (mode {:03o})",
                    metadata.mode() & 0o777
                ),
                format!("run `chmod o= {told}`"),
            );
        }
    }
}
