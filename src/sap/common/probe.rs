//! Whose turn it is to probe a SAP that is left alone: one replica asks, the others hear of it.
//!
//! While SAP is silent the others hold their probes back for half of the pause of the one that asked in
//! vain, so that a replica whose own way to SAP is broken does not keep the others from asking.

use std::time::Duration;

use tokio::time::Instant;

use crate::net::kv::Script;

use super::{Common, LONGER, WRITE_WITHIN, metrics::ProbeTurn, milliseconds};

/// How long it is known that SAP answered: every replica looks within this time.
const ANSWERED: Duration = Duration::from_secs(2);

/// Asks for the turn. KEYS: probe. ARGV: replica, its time in ms.
static TURN: Script = Script::new(
    r"
    local held = redis.pcall('GET', KEYS[1])
    if type(held) == 'string' and held ~= 'h' .. ARGV[1] then return string.sub(held, 1, 1) end
    redis.call('SET', KEYS[1], 'h' .. ARGV[1], 'PX', ARGV[2])
    return 'y'
    ",
);

/// Ends it, and tells the others for so long what came of it.
/// KEYS: probe. ARGV: replica, `a` for answered or `f` for failed, its time in ms.
static END: Script = Script::new(
    r"
    if redis.pcall('GET', KEYS[1]) ~= 'h' .. ARGV[1] then return 0 end
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    return 1
    ",
);

impl Common {
    /// Asks for the turn; where nobody knows it is this replica's own. `life`: the longest that a probe
    /// is waited for.
    pub(in crate::sap) async fn probe_turn(&self, life: Duration) -> ProbeTurn {
        let Some(link) = self.link() else { return ProbeTurn::Own };
        let call = TURN
            .call()
            .key(link.key(&self.group, "probe"))
            .argument(&self.replica)
            .argument(milliseconds(life + LONGER));
        let turn = match self.ask::<String>(&link, &call, link.until()).await.as_deref() {
            Ok("h" | "f") => ProbeTurn::Others,
            Ok("a") => ProbeTurn::Answered,
            Ok(_) | Err(_) => ProbeTurn::Own,
        };
        self.metrics.common.probes(turn);
        turn
    }

    /// The probe was answered, or not, and the next one comes after this pause.
    pub(in crate::sap) async fn probed(&self, was_answered: bool, pause: Duration) {
        let Some(link) = self.link() else { return };
        let (told, for_) = if was_answered { ("a", ANSWERED) } else { ("f", pause / 2) };
        let call = END
            .call()
            .key(link.key(&self.group, "probe"))
            .argument(&self.replica)
            .argument(told)
            .argument(milliseconds(for_).max(1));
        // Untold, the turn ends by itself.
        let _told = self.ask::<i64>(&link, &call, Instant::now() + WRITE_WITHIN).await;
    }
}
