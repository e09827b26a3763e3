//! The service manager is told when calls are answered, what is in force, and that the process lives.

use std::{path::Path, time::Duration};

use tokio::{
    process::{Child, Command},
    time::timeout,
};

use super::{JSON, ended, manager::Manager};
use crate::support::{
    Gateway,
    gateway::{rewrite_config, write_config},
    program::{Log, dialgate, serve_with, signal, terminate},
};

fn run(config: &Path) -> Command {
    let mut command = dialgate();
    command.args(["run", "--config"]).arg(config);
    command
}

async fn started(manager: &Manager, mut command: Command) -> (Child, Log) {
    manager.starts(&mut command, None);
    let (process, log) = serve_with(command).await;
    let told = manager.next().await;
    let address = &log.address;
    assert!(
        told.starts_with(&format!("READY=1\nSTATUS=answers calls on {address}; the configuration")),
        "{told}"
    );
    (process, log)
}

/// What is told between the beginning and the end of a reload.
async fn reload(manager: &Manager) -> String {
    let began = manager.next().await;
    let rest = began.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap_or_else(|| {
        panic!("{began}");
    });
    let micros: u128 = rest.split_once('\n').unwrap().0.parse().unwrap();
    assert!(micros > 0);
    let done = manager.next().await;
    done.strip_prefix("READY=1\nSTATUS=").unwrap_or_else(|| panic!("{done}")).to_owned()
}

#[tokio::test]
async fn it_is_ready_when_it_serves_and_a_reload_is_told_from_its_beginning_to_its_end() {
    let sap = Gateway::start().await;
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), &sap.sap_url, &[JSON]);
    let manager = Manager::new();
    let (mut process, mut log) = started(&manager, run(&config)).await;

    signal(&process, "-HUP").await;
    assert!(reload(&manager).await.ends_with(" is in force\n"));

    // A file that is watched: the first look refuses it, those that follow say nothing new.
    rewrite_config(folder.path(), &sap.sap_url, &[JSON, ("deadline", "99h")]);
    let refused = reload(&manager).await;
    assert!(refused.contains("; the changed one has 1 finding and does not count"), "{refused}");
    log.until("nothing of it is in force").await;
    rewrite_config(folder.path(), &sap.sap_url, &[JSON, ("deadline", "2s")]);
    assert!(reload(&manager).await.ends_with(" is in force\n"));

    terminate(&process).await;
    let leaving = manager.next().await;
    assert!(leaving.starts_with("STOPPING=1\nSTATUS=accepts nothing more"), "{leaving}");
    assert!(leaving.ends_with("\nEXTEND_TIMEOUT_USEC=20000000\n"), "{leaving}");
    assert_eq!(ended(&mut process).await, Some(0));
}

#[tokio::test]
async fn a_manager_with_an_abstract_name_is_told_each_step_of_the_end() {
    let sap = Gateway::start().await;
    let folder = tempfile::tempdir().unwrap();
    let changes = [JSON, ("shutdown.drain_delay", "300ms"), ("shutdown.drain_timeout", "5s")];
    let config = write_config(folder.path(), &sap.sap_url, &changes);
    let manager = Manager::with_an_abstract_name();
    let (mut process, _log) = started(&manager, run(&config)).await;

    terminate(&process).await;

    let [first, second] = [manager.next().await, manager.next().await];
    assert!(first.starts_with("STOPPING=1\nSTATUS=still answers calls"), "{first}");
    assert!(first.ends_with("\nEXTEND_TIMEOUT_USEC=15300000\n"), "{first}");
    assert!(second.starts_with("STOPPING=1\nSTATUS=accepts nothing more"), "{second}");
    assert_eq!(ended(&mut process).await, Some(0));
}

#[tokio::test]
async fn a_process_that_stands_still_gives_no_sign_of_life() {
    let sap = Gateway::start().await;
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), &sap.sap_url, &[JSON]);
    let manager = Manager::new();
    let mut command = run(&config);
    manager.starts(&mut command, Some(Duration::from_millis(600)));
    let (mut process, _log) = serve_with(command).await;
    manager.sign_of_life().await;

    signal(&process, "-STOP").await;
    while timeout(Duration::from_secs(2), manager.sign_of_life()).await.is_ok() {}
    signal(&process, "-CONT").await;
    manager.sign_of_life().await;

    terminate(&process).await;
    assert_eq!(ended(&mut process).await, Some(0));
}

#[tokio::test]
async fn a_start_that_fails_is_never_ready() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let changes = [JSON, ("listen.address", address.as_str())];
    let config = write_config(folder.path(), "http://127.0.0.1:9", &changes);
    let manager = Manager::new();
    let mut command = run(&config);
    manager.starts(&mut command, None);

    assert_eq!(ended(&mut command.spawn().unwrap()).await, Some(1));

    let told = timeout(Duration::from_millis(1), manager.next()).await;
    assert!(told.is_err(), "{told:?}");
}
