//! `cargo bench --bench scale`: a working day of a contact centre behind 2, 10 and 100 replicas, with a
//! memory of their own each and with a shared one. Prints the tables of `docs/scale.md`.
//!
//! A model and not the program: it goes by the same numbers (the shipped configuration's times, places
//! and deadlines, the breaker's thresholds) and the same ladder, and leaves the network and the CPU out.
//! Seeded, so that it prints the same each time.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a model of a day prints tables, and its numbers are small; one that is wrong has to end"
)]

mod centre;
mod day;
mod door;
mod replica;

use centre::Centre;
use day::{Day, PARTS, Part, Places, Sharing};

const REPLICAS: [u32; 3] = [2, 10, 100];

fn main() {
    let config = config();
    for (title, places, sharing) in [
        ("Each for itself, each with all places", Places::Each, Sharing::Nothing),
        ("Each for itself, places divided", Places::Divided, Sharing::Nothing),
        ("Shared memory, places and probes in common", Places::Common, Sharing::Memory),
    ] {
        println!("\n## {title}\n");
        println!(
            "| replicas | when | calls | requests to SAP | from memory | waited for SAP | by what SAP said before | refused |\n\
             |---|---|---|---|---|---|---|---|"
        );
        let days = REPLICAS.map(|replicas| {
            let day = Centre::new(&config, replicas, places, sharing).work();
            check(&day, sharing);
            (replicas, day)
        });
        for (replicas, day) in &days {
            for (when, part) in PARTS.iter().zip(&day.parts).chain([(&"the day", &day.whole())]) {
                println!("| {replicas} | {when} | {}", row(part));
            }
        }
        println!();
        for (replicas, day) in &days {
            let quota = day.quota_lasted.map_or("lasted all day".to_owned(), |hours| {
                format!("was used up after {hours:.1} of 10 hours")
            });
            println!(
                "{replicas} replicas: SAP had up to {} at once; the day's quota {quota}.  ",
                day.most_at_once
            );
        }
    }
}

/// The times and bounds of the shipped configuration.
fn config() -> dialgate::config::Config {
    let edits = [
        ("listen.tls", "~"),
        ("listen.plaintext_behind_a_tls_load_balancer", "true"),
        ("clients", "[]"),
        ("anybody_may_ask", "true"),
        ("sap.login", "none"),
    ];
    let edits = edits.map(|(key, value)| (key, value.to_owned()));
    let text = dialgate::config::edit(dialgate::config::EXAMPLE, &edits)
        .expect("the shipped configuration can be edited");
    let environment = dialgate::config::Environment::process();
    dialgate::config::parse(&text, "bench", "".as_ref(), &environment, |_, _| ())
        .unwrap_or_else(|findings| panic!("{findings}"))
}

fn row(part: &Part) -> String {
    let Part { calls, memory, sap, older, refused, requests } = part;
    let share = |count: &u64| format!("{:.1} %", 100.0 * *count as f64 / (*calls).max(1) as f64);
    let [memory, sap, older, refused] = [memory, sap, older, refused].map(share);
    format!("{calls} | {requests} | {memory} | {sap} | {older} | {refused} |")
}

/// What has to hold whatever the numbers are.
fn check(day: &Day, sharing: Sharing) {
    let Part { calls, memory, sap, older, refused, .. } = day.whole();
    assert_eq!(calls, memory + sap + older + refused, "a call was lost or counted twice");
    if sharing == Sharing::Memory {
        assert!(day.most_at_once <= 5, "SAP worked on more than max_in_flight");
    }
}
