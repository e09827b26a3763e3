//! The unit, as systemd itself reads it.

use super::debian::Debian;
use crate::support::program::{stderr, stdout};

/// What the issue of a service may be worth to whoever has taken it over, by systemd's own measure from 0 to
/// 10, times ten.
const EXPOSURE: &str = "--threshold=15";

const UNITS: [&str; 3] = ["dialgate.service", "dialgate.socket", "dialgate-admin.socket"];

#[tokio::test]
async fn systemd_finds_nothing_wrong_with_the_unit_and_little_that_it_may_do() {
    let debian = Debian::with_the_package().await;

    // The manual's pages are there, and no program to show them.
    let verified =
        debian.tries(["systemd-analyze", "verify", "--man=no", UNITS[0], UNITS[1], UNITS[2]]).await;
    let said = [stdout(&verified), stderr(&verified)].concat();
    assert!(verified.status.success() && said.is_empty(), "{said}");

    let exposed = debian
        .tries([
            "systemd-analyze",
            "security",
            "--no-pager",
            "--offline=true",
            EXPOSURE,
            "dialgate.service",
        ])
        .await;
    assert!(exposed.status.success(), "{}{}", stdout(&exposed), stderr(&exposed));
    assert!(stdout(&exposed).contains("Overall exposure level"), "{}", stdout(&exposed));
}
