//! Who may ask, and who may operate.

use super::{Seen, Severity};
use crate::config::{ClientName, Config, Proof, SecretHash};

/// What people take for a password when they are in a hurry. `dialgate secret new` makes none of them.
const COMMON: [&str; 16] = [
    "password",
    "passwort",
    "secret",
    "geheim",
    "test",
    "jtel",
    "dialgate",
    "admin",
    "changeme",
    "change-me",
    "123456",
    "12345678",
    "letmein",
    "welcome",
    "sap",
    "demo",
];

pub(super) fn look(config: &Config, seen: &mut Seen) {
    if config.anybody_may_ask {
        seen.note(
            Severity::High,
            "anybody_may_ask",
            "whoever reaches the port may ask, and learns which partners there are",
            "give jtel a password: `dialgate secret new jtel`",
        );
    }
    let clients: Vec<_> = config.clients.iter().map(|one| (&one.name, &*one.secrets)).collect();
    look_at(&clients, "clients", seen);
    let operators = config.admin.operators.iter().map(|one| (&one.name, &*one.secrets));
    look_at(&operators.collect::<Vec<_>>(), "admin.operators", seen);
    for (index, client) in config.clients.iter().enumerate() {
        let key = format!("clients[{index}]");
        let shows_something = [Proof::Password, Proof::Key, Proof::Certificate]
            .iter()
            .any(|proof| client.any_of.has(*proof) || client.all_of.has(*proof));
        if !shows_something {
            seen.note(
                Severity::Medium,
                &*key,
                format!("whoever comes from its addresses is `{}`", client.name.as_str()),
                "let it show a password, a key or a certificate as well",
            );
        }
        if client.addresses.iter().any(|range| range.prefix_len() == 0) {
            seen.note(
                Severity::Medium,
                key,
                "its addresses are all there are: that proves nothing",
                "name the network that it comes from",
            );
        }
    }
    if config.wrong_credentials.is_none() && !config.anybody_may_ask {
        seen.note(
            Severity::Low,
            "wrong_credentials",
            "whoever tries passwords is neither slowed nor barred",
            "leave it as it is shipped, unless somebody in front does that",
        );
    }
    if !config.admin.wants_to_know_who() {
        seen.note(
            Severity::Low,
            "admin.operators",
            "everybody on this machine may look at everything and change something",
            "give each operator a password where others have accounts here: `dialgate secret new --operator NAME`",
        );
    }
    let operators = config.admin.operators.iter().flat_map(|one| &one.secrets);
    for operator in operators {
        if config.clients.iter().any(|client| client.secrets.contains(operator)) {
            seen.note(
                Severity::Medium,
                "admin.operators",
                "an operator and a client have the same password",
                "give each a password of its own",
            );
        }
    }
}

fn look_at(people: &[(&ClientName, &[SecretHash])], list: &str, seen: &mut Seen) {
    for (index, (name, secrets)) in people.iter().enumerate() {
        let (key, name) = (format!("{list}[{index}]"), name.as_str());
        if secrets.len() > 1 {
            seen.note(
                Severity::Low,
                &*key,
                format!("`{name}` has two passwords: one of them is on its way out"),
                "remove the old one once the new one is in use",
            );
        }
        let is_common = |secret: &SecretHash| {
            COMMON.iter().chain([&name]).any(|common| secret.matches(common.as_bytes()))
        };
        if secrets.iter().any(is_common) {
            seen.note(
                Severity::High,
                &*key,
                format!("the password of `{name}` is one that everybody guesses"),
                format!("make another one: `dialgate secret new {name}`"),
            );
        }
        let others = people.iter().skip(index + 1);
        for (other, _) in others.filter(|(_, theirs)| theirs.iter().any(|s| secrets.contains(s))) {
            seen.note(
                Severity::Medium,
                &*key,
                format!("`{name}` and `{}` have the same password", other.as_str()),
                "give each a password of its own: records could not tell them apart",
            );
        }
    }
}
