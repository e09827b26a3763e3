//! A lookup that no call waits for, to compare what this system says with what another one said.

use tokio::time::Instant;

use super::{
    asking::Asking, client::SapClient, door::Urgency, error::LookupError, metrics::Compared,
    reply::Read,
};
use crate::domain::{DialledNumber, Difference, Lookup, PartnerId};

impl SapClient {
    /// Asks where a place is free that no call needs, and gives up where there is none.
    ///
    /// # Errors
    ///
    /// What SAP or the network did instead of answering, or why it was not asked.
    pub async fn look_up_aside(
        &self,
        partner: PartnerId,
        dialled: Option<&DialledNumber>,
    ) -> Result<Lookup, LookupError> {
        let deadline = Instant::now() + self.total_timeout();
        let nothing = |_: &Asking<'_>, _: &Result<Read, LookupError>| ();
        self.look_up_noted(Urgency::Refresh, (partner, dialled), deadline, nothing).await
    }

    /// Counts what came of it.
    pub fn compared(&self, result: Compared, differences: &[Difference]) {
        self.door.metrics.compared.count(result, differences);
    }
}
