//! What of the configuration is in force, and how an operator has it read again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::check::Check;
use crate::telemetry::clock::Moment;

/// Most findings that are shown; whoever mends those runs `dialgate check`.
const SHOWN: usize = 10;

/// What came of reading the configuration again.
#[derive(Clone, Debug)]
pub enum Reloaded {
    /// It is in force.
    Applied {
        /// What has changed: sections of the file, or the certificate.
        changed: Vec<&'static str>,
        /// These keys have changed, too, and need a restart.
        needs_restart: Vec<&'static str>,
    },
    /// It says what is in force already, but for these keys.
    Unchanged(Vec<&'static str>),
    /// It has these findings, and nothing of it is in force.
    Refused(Vec<String>),
}

/// Who asked for a reload gets told what came of it.
pub type ReloadRequest = oneshot::Sender<Reloaded>;

/// Asks for a reload.
#[derive(Clone)]
pub struct Reloads(mpsc::Sender<ReloadRequest>);

/// Whether the files and what is in force are the same.
pub struct ConfigStatus(Mutex<State>);

struct State {
    loaded: Moment,
    /// Since when the files have findings, and which.
    refused: Option<(Moment, Vec<String>)>,
    needs_restart: Vec<&'static str>,
}

impl Reloads {
    /// The other end takes the requests, one after the other.
    pub fn channel() -> (Self, mpsc::Receiver<ReloadRequest>) {
        let (sender, receiver) = mpsc::channel(1);
        (Self(sender), receiver)
    }

    /// Has the configuration read again; one that is about to be read is not read twice.
    pub fn reload_soon(&self) {
        let (request, _nobody_listens) = oneshot::channel();
        let _one_waits_already = self.0.try_send(request);
    }

    /// Has the configuration read again and waits for what comes of it; `None`: the process ends.
    pub async fn reload(&self) -> Option<Reloaded> {
        let (request, told) = oneshot::channel();
        self.0.send(request).await.ok()?;
        told.await.ok()
    }
}

impl ConfigStatus {
    /// The configuration was loaded just now.
    pub fn new() -> Self {
        let state = State { loaded: Moment::now(), refused: None, needs_restart: Vec::new() };
        Self(Mutex::new(state))
    }

    /// Notes what came of a reload. True: that is news.
    pub fn note(&self, reloaded: &Reloaded) -> bool {
        let mut state = self.state();
        let now = Moment::now();
        match reloaded {
            Reloaded::Applied { needs_restart, .. } => {
                state.loaded = now;
                state.refused = None;
                state.needs_restart.clone_from(needs_restart);
                true
            }
            Reloaded::Unchanged(needs_restart) => {
                let is_news =
                    state.refused.take().is_some() || state.needs_restart != *needs_restart;
                state.needs_restart.clone_from(needs_restart);
                is_news
            }
            Reloaded::Refused(findings) => {
                let is_news = state.refused.as_ref().is_none_or(|(_, known)| known != findings);
                let since = state.refused.take().map_or(now, |(since, _)| since);
                state.refused = Some((since, findings.clone()));
                is_news
            }
        }
    }

    /// The files have findings, and what is in force is older than they are.
    pub fn is_refused(&self) -> bool {
        self.state().refused.is_some()
    }

    /// What is in force, as one sentence for the service manager.
    pub fn sentence(&self) -> String {
        let state = self.state();
        let mut text = format!("the configuration of {} is in force", state.loaded.to_the_second());
        if let Some((_, findings)) = &state.refused {
            let number = counted(findings);
            text += "; the changed one has ";
            text += &number;
            text += " and does not count (`dialgate check` shows them)";
        }
        text + &restart(&state.needs_restart)
    }

    /// Never speaks against calls: what is in force answers them.
    pub(super) fn check(&self) -> Check {
        let state = self.state();
        let mut text = format!("of {}", state.loaded.to_the_second());
        text.push_str(&restart(&state.needs_restart));
        if let Some((since, findings)) = &state.refused {
            let (number, since) = (counted(findings), since.to_the_second());
            let told = findings.iter().take(SHOWN).map(|finding| format!("\n      {finding}"));
            text.push_str("; the files have ");
            text.push_str(&number);
            text.push_str(" since ");
            text.push_str(&since);
            text.push_str(", and nothing of them is in force:");
            text.extend(told);
        }
        Check { name: "configuration", passed: true, text }
    }

    /// When what is in force was loaded, what the files have against them, and which of their keys wait
    /// for a restart.
    pub(super) fn state_now(&self) -> (Moment, Vec<String>, Vec<&'static str>) {
        let state = self.state();
        let findings = state.refused.as_ref().map(|(_, findings)| findings.clone());
        (state.loaded, findings.unwrap_or_default(), state.needs_restart.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ConfigStatus {
    fn default() -> Self {
        Self::new()
    }
}

impl Reloaded {
    /// For the person who asked.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Applied { changed, needs_restart } => {
                let changed = changed.join(", ");
                format!(
                    "the configuration is in force (changed: {changed}){}",
                    restart(needs_restart)
                )
            }
            Self::Unchanged(keys) => format!("nothing has changed{}", restart(keys)),
            Self::Refused(findings) => {
                let told = findings.iter().take(SHOWN).map(|finding| format!("\n{finding}"));
                format!("{}; nothing has changed:{}", counted(findings), told.collect::<String>())
            }
        }
    }
}

fn restart(keys: &[&str]) -> String {
    match keys {
        [] => String::new(),
        keys => format!("; changed, and needs a restart: {}", keys.join(", ")),
    }
}

fn counted(findings: &[String]) -> String {
    match findings.len() {
        1 => "1 finding".to_owned(),
        many => format!("{many} findings"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_news_once_and_their_end_is_news_again() {
        let status = ConfigStatus::new();
        let refused = Reloaded::Refused(vec!["config.yaml:3:1: deadline: is not one".to_owned()]);

        assert!(status.note(&refused));
        assert!(!status.note(&refused));
        let text = status.check().text;
        assert!(text.contains("1 finding since") && text.contains("config.yaml:3:1"), "{text}");
        assert!(status.note(&Reloaded::Unchanged(vec![])));
        assert!(!status.note(&Reloaded::Unchanged(vec![])));

        let needs_restart = vec!["listen.address"];
        assert!(status.note(&Reloaded::Applied { changed: vec!["rules"], needs_restart }));
        assert!(status.check().text.contains("needs a restart: listen.address"));
        assert!(!status.note(&Reloaded::Unchanged(vec!["listen.address"])));
        assert!(status.note(&Reloaded::Unchanged(vec![])));
    }
}
