//! Calls at a fixed pace, whether earlier ones are answered or not, and what came of them.

use std::time::Duration;

use dialgate::simulator::derived;
use tokio::time::{Instant, interval};

use super::{Client, client::Answer};

/// The `n`-th of the partners whose data follow from their number.
pub(crate) fn partner(n: u32) -> String {
    (5_000_000 + n).to_string()
}

/// The contract number of such a partner.
pub(crate) fn contract_number(partner: &str) -> String {
    let (channel, country) = derived(partner.parse().unwrap()).expect("a derived partner");
    format!("{channel}{country}")
}

/// One call of a load.
pub(crate) struct Made {
    pub(crate) answer: Answer,
    /// From the start of the load to the answer.
    pub(crate) answered_at: Duration,
    pub(crate) took: Duration,
}

/// Asks about each partner in turn, `per_second` of them, and waits for all answers.
pub(crate) async fn at_pace(
    jtel: &Client,
    per_second: u32,
    partners: impl IntoIterator<Item = String>,
) -> Vec<Made> {
    let started = Instant::now();
    let mut pace = interval(Duration::from_secs(1) / per_second);
    let mut calls = Vec::new();
    for partner in partners {
        pace.tick().await;
        let jtel = jtel.clone();
        calls.push(tokio::spawn(async move {
            let asked = Instant::now();
            let answer = jtel.ask(&partner).await;
            Made { answer, answered_at: started.elapsed(), took: asked.elapsed() }
        }));
    }
    finish(calls).await
}

/// Asks about all partners at the same moment, and waits for all answers.
pub(crate) async fn at_once(
    jtel: &Client,
    partners: impl IntoIterator<Item = String>,
) -> Vec<Made> {
    let started = Instant::now();
    let call = |partner: String| {
        let jtel = jtel.clone();
        tokio::spawn(async move {
            let answer = jtel.ask(&partner).await;
            Made { answer, answered_at: started.elapsed(), took: started.elapsed() }
        })
    };
    finish(partners.into_iter().map(call).collect()).await
}

async fn finish(calls: Vec<tokio::task::JoinHandle<Made>>) -> Vec<Made> {
    let mut made = Vec::with_capacity(calls.len());
    for call in calls {
        made.push(call.await.unwrap());
    }
    made
}

/// How many calls had this outcome, such as `200` or `403 overloaded`.
pub(crate) fn with_outcome(made: &[Made], outcome: &str) -> usize {
    made.iter().filter(|call| call.answer.outcome() == outcome).count()
}

/// The time that half of the calls took at most.
pub(crate) fn median<'a>(made: impl IntoIterator<Item = &'a Made>) -> Duration {
    let mut times: Vec<_> = made.into_iter().map(|call| call.took).collect();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
