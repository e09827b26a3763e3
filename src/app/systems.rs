//! The SAP systems of a configuration: what is wrong with them, how they are put together, and who looks
//! after them.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::{AbortHandle, JoinSet},
    time::interval,
};

use super::StartError;
use crate::{
    config::{AsRead, Config, Draft, Findings, Listen, Sap, SystemName, Systems},
    sap::{self, DialectProblem, SapClient, SystemId, SystemsMetrics},
};

/// How often files with secrets are looked at: a few small files, read and compared.
const REREAD_SECRETS: Duration = Duration::from_secs(3);

/// The keys that say how SAP is reached, whatever is asked there.
const IS_ON_THE_WAY: [&str; 6] =
    ["sap.url", "sap.second_url", "sap.ca_file", "sap.server_name", "sap.login", "sap.proxy"];

/// Adds what can only be seen by trying how the systems are asked.
pub(super) fn look_closer(draft: &Draft, findings: &mut Findings) {
    for AsRead { before_key, sap } in &draft.systems_as_read {
        let spare = |key, findings: &Findings| findings.spare(&format!("{before_key}{key}"));
        // How SAP is asked is not known while these are wrong; the way to it can be looked at.
        let is_known = spare("sap.preset", findings) && spare("sap.custom", findings);
        for problem in sap::check(sap) {
            // A path that a rule looks at stands with the rule.
            let is_of_sap = problem.key.starts_with("sap");
            let key = if is_of_sap {
                format!("{before_key}{}", problem.key)
            } else {
                problem.key.clone()
            };
            let is_on_the_way = IS_ON_THE_WAY.contains(&section_of(&problem.key));
            if findings.spare(&key) && (is_known || is_on_the_way) {
                findings.at(&key, problem.message);
            }
        }
    }
    let Some(systems) = &draft.systems else { return };
    if let Some(listen) = &draft.listen {
        systems.iter().for_each(|sap| check_number_preset(listen, sap, findings));
    }
    if draft.listen.as_ref().is_some_and(|listen| listen.drop_in) {
        if systems.iter().any(sap::needs_the_number) {
            let told = "is true, but the requests of this sap.preset need the telephone number, which \
                        a question of that form does not have; write false or take another preset";
            findings.at("listen.drop_in", told);
        }
        let by_phone = sap::asks_only_by_phone(systems.first());
        if systems.iter().any(|sap| sap::asks_only_by_phone(sap) != by_phone) {
            let told = "is true, but some of the systems are asked by telephone number alone and others by \
                        ID; write false, or take systems of one kind";
            findings.at("listen.drop_in", told);
        }
    }
    for (place, (before_key, one)) in systems.with_keys().enumerate() {
        let id = SystemId::of(one);
        // Answers are remembered under what a system is and not under its name.
        if let Some(twin) = systems.iter().take(place).find(|before| SystemId::of(before) == id) {
            let told = format!(
                "is the system `{}` once more: the same address, client and way of asking",
                twin.name
            );
            findings.at(&format!("{before_key}sap.url"), told);
        }
    }
}

/// The first two words of a key.
fn section_of(key: &str) -> &str {
    let end = key.match_indices(['.', '[']).nth(1).map_or(key.len(), |(end, _)| end);
    key.get(..end).unwrap_or(key)
}

/// A client for each system. After a reload those that have not changed are kept as they are,
/// connections and all, and changed ones go on with what is known of them; a system is the same as long
/// as it has its name. The first problem stands for all; a check of the configuration would have told it.
pub(super) fn build(
    systems: &Systems,
    before: Option<(&Systems, &[Arc<SapClient>])>,
    metrics: &SystemsMetrics,
) -> Result<Vec<Arc<SapClient>>, StartError> {
    let before = |name: &SystemName| {
        let (configured, clients) = before?;
        configured.iter().zip(clients).find(|(sap, _)| sap.name == *name)
    };
    let client = |sap: &Sap| match before(&sap.name) {
        Some((configured, client)) if configured == sap => Ok(Arc::clone(client)),
        Some((_, client)) => of_problems(client.renewed(sap)).map(Arc::new),
        None => of_problems(SapClient::new(sap, metrics.of(&sap.name)?)).map(Arc::new),
    };
    systems.iter().map(client).collect()
}

/// The systems as who calls is asked for by number, in the same order: in another dialect where need be.
/// Empty: nobody asks.
pub(super) fn by_number(
    config: &Config,
    systems: &[Arc<SapClient>],
) -> Result<Vec<Arc<SapClient>>, StartError> {
    if config.listen.caller_information.is_none() {
        return Ok(Vec::new());
    }
    let client = |(sap, client): (&Sap, &Arc<SapClient>)| match number_section(&config.listen, sap)
    {
        None => Ok(Arc::clone(client)),
        Some(section) => of_problems(client.in_dialect(&section)).map(Arc::new),
    };
    config.systems.iter().zip(systems).map(client).collect()
}

/// The section of SAP as who calls is asked for by number; `None`: nobody asks, or it is the section itself.
fn number_section(listen: &Listen, sap: &Sap) -> Option<Sap> {
    let asked = listen.caller_information.as_ref()?;
    if sap::asks_only_by_phone(sap) {
        return None;
    }
    Some(Sap { preset: asked.number_preset.clone(), custom: None, ..sap.clone() })
}

/// Whether SAP can be asked by number for who calls.
fn check_number_preset(listen: &Listen, sap: &Sap, findings: &mut Findings) {
    const KEY: &str = "listen.caller_information.number_preset";
    let Some(section) = number_section(listen, sap) else { return };
    if let Some(problem) = sap::check(&section).into_iter().next() {
        findings.at(KEY, format!("cannot be asked here: {}: {}", problem.key, problem.message));
    } else if !sap::asks_only_by_phone(&section) {
        findings.at(KEY, "finds partners by their ID; c4c-phone finds them by number");
    }
}

fn of_problems<T>(built: Result<T, Vec<DialectProblem>>) -> Result<T, StartError> {
    built.map_err(|problems| {
        let first = problems.into_iter().next();
        let (key, message) = first.map(|p| (p.key, p.message)).unwrap_or_default();
        StartError::Sap { key, message }
    })
}

/// Gives back what this replica has of what all have in common of each of them.
pub(super) async fn finish(systems: &[Arc<SapClient>]) {
    let finishing = systems.iter().map(|sap| {
        let sap = Arc::clone(sap);
        async move { sap.finish().await }
    });
    finishing.collect::<JoinSet<()>>().join_all().await;
}

/// Looks after the systems in force, each for as long as it is: whether it answers, and whether its
/// secrets have changed.
pub(super) async fn look_after(mut in_force: watch::Receiver<Vec<Arc<SapClient>>>) {
    // Ends with this one.
    let mut tasks = JoinSet::new();
    let mut cared_for: Vec<(Arc<SapClient>, AbortHandle)> = Vec::new();
    loop {
        let systems = in_force.borrow_and_update().clone();
        cared_for.retain(|(sap, task)| {
            let is_in_force = systems.iter().any(|other| Arc::ptr_eq(sap, other));
            if !is_in_force {
                task.abort();
            }
            is_in_force
        });
        for sap in systems {
            if !cared_for.iter().any(|(other, _)| Arc::ptr_eq(&sap, other)) {
                let task = tasks.spawn(care_for(Arc::clone(&sap)));
                cared_for.push((sap, task));
            }
        }
        while tasks.try_join_next().is_some() {}
        if in_force.changed().await.is_err() {
            return;
        }
    }
}

async fn care_for(sap: Arc<SapClient>) {
    tokio::join!(sap.attend(), reread_secrets(&sap));
}

/// Looks every few seconds whether a secret, certificate or key of SAP's login has changed.
async fn reread_secrets(sap: &Arc<SapClient>) {
    let mut every = interval(REREAD_SECRETS);
    loop {
        every.tick().await;
        let sap = Arc::clone(sap);
        // A file on a network that hangs must not hang a worker.
        let _done = tokio::task::spawn_blocking(move || sap.reread_secrets()).await;
    }
}
