//! The status page as the person at night has it: in a real browser.

mod browser;
mod buttons;
mod hostile;
mod keyboard;
mod live;
mod look;
mod operator;
mod strangers;
mod streams;
mod tab;
mod twins;

use std::net::SocketAddr;

use browser::Browser;
use tab::Tab;

use crate::support::{Client, Gateway, load::partner};

/// A gateway, a browser, and a tab of it that shows the page.
async fn page_of(gateway: &Gateway) -> (Browser, Tab) {
    let browser = Browser::start().await;
    let tab = browser.tab().await;
    tab.open(&url(gateway.admin, "/")).await;
    (browser, tab)
}

fn url(admin: SocketAddr, path: &str) -> String {
    format!("http://{admin}{path}")
}

/// Calls of many kinds, and a SAP that says something about each.
async fn calls_of_many_kinds(jtel: &Client) {
    for id in ["1001910", "1001910", "4040404", "1001912", "1001913", "2000001", &partner(1)] {
        jtel.ask(id).await;
    }
}
