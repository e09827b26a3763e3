//! The service under a real systemd, with everything that the unit forbids it.

use std::{fs, path::PathBuf, process::Stdio};

use base64::{Engine, prelude::BASE64_STANDARD};
use dialgate::telemetry::clock::{CallId, Moment};
use serde_json::Value;
use tokio::process::{Child, Command};

use super::{as_root, debian::Debian, project};
use crate::support::{
    Client, SAP_PASSWORD, SAP_USER, ScriptedSap, eventually,
    gateway::CLIENT_PASSWORD,
    load::partner,
    program::{run, stderr, stdout},
    value_of,
};

/// A Debian that runs. It ends with the test.
pub(super) struct Booted {
    pub(super) debian: Debian,
    group: PathBuf,
    /// systemd, as those outside see it.
    init: u32,
    container: Child,
}

impl Booted {
    pub(super) async fn start(debian: Debian) -> Self {
        let hierarchies = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(PathBuf::from);
        let hierarchy = hierarchies.iter().find(|path| path.join("cgroup.controllers").exists());
        let hierarchy = hierarchy.expect("a hierarchy of control groups of version 2");
        let group = hierarchy.join(format!("dialgate-{}", CallId::new(Moment::now())));
        let mut command = as_root("sh");
        command.args(["-e"]).arg(project("tests/it/deploy/boot.sh")).arg(debian.root()).arg(&group);
        command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        let mut container = command.spawn().unwrap();
        let first = container.id().expect("the process lives");
        let mut init = None;
        eventually("systemd starts", || {
            if let Some(ended) = container.try_wait().unwrap() {
                panic!("the container ended with {ended}");
            }
            init = descendant(first, "systemd");
            std::future::ready(init.is_some())
        })
        .await;
        let booted = Self { debian, group, init: init.expect("just seen"), container };
        eventually("systemd answers", || async {
            let state = run(&mut booted.command(&["systemctl", "is-system-running"])).await;
            // Where a machine of its own is missing, some units fail, and that is `degraded`.
            ["running\n", "degraded\n"].contains(&stdout(&state).as_str())
        })
        .await;
        booted
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = as_root("nsenter");
        command.args(["--target", &self.init.to_string()]);
        command.args(["--mount", "--pid", "--uts", "--ipc", "--cgroup", "--root", "--wd=/"]);
        command.args(arguments).env("LC_ALL", "C.UTF-8");
        command
    }

    pub(super) async fn does(&self, arguments: &[&str]) -> String {
        let done = run(&mut self.command(arguments)).await;
        let said = format!("{}{}", stdout(&done), stderr(&done));
        assert!(done.status.success(), "{arguments:?}: {said}{}", self.journal().await);
        said
    }

    pub(super) async fn journal(&self) -> String {
        let journal = ["journalctl", "--unit", "dialgate", "--output", "cat", "--no-pager"];
        stdout(&run(&mut self.command(&journal)).await)
    }

    /// A property of the service.
    async fn shows(&self, property: &str) -> String {
        let shown = ["systemctl", "show", "dialgate", "--value", "--property", property];
        self.does(&shown).await.trim().to_owned()
    }

    /// The line that says where calls are answered.
    pub(super) async fn serves(&self) -> Value {
        let said = "answers calls on";
        eventually("the service answers calls", || async { self.journal().await.contains(said) })
            .await;
        let journal = self.journal().await;
        let line = journal.lines().rfind(|line| line.contains(said)).expect("just seen");
        serde_json::from_str(line).unwrap()
    }
}

impl Drop for Booted {
    fn drop(&mut self) {
        // The namespaces end with their first process; then the groups are empty.
        let _ended_before = self.container.start_kill();
        let told = format!(
            "for _ in $(seq 100); do find {0} -depth -type d -exec rmdir {{}} + 2>/dev/null; [ -d {0} ] || exit 0; sleep 0.05; done",
            self.group.display()
        );
        let _left_behind = as_root("sh").into_std().args(["-c", &told]).status();
    }
}

#[tokio::test]
async fn the_service_starts_answers_and_stops_with_all_that_the_unit_forbids_it() {
    let sap = ScriptedSap::start().await;
    let debian = Debian::with_the_package().await;
    let login =
        format!("{{ basic: {{ user: {SAP_USER}, password: {{ credential: dialgate.sap }} }} }}");
    let access = "{ file: /var/log/dialgate/access.log }";
    debian.fill_in(&sap.url(), &[("sap.login", &login), ("log.access", access)]).await;
    let credential = format!("umask 077; echo {SAP_PASSWORD} >/etc/credstore/dialgate.sap");
    debian.does(["sh", "-c", &credential]).await;
    let ca = debian.ca();
    let debian = Booted::start(debian).await;

    debian.does(&["systemctl", "start", "dialgate"]).await;

    let serves = debian.serves().await;
    let address = serves["address"].as_str().unwrap().parse().unwrap();
    let jtel = Client::new(address, "/onClickToDial", &ca, false);
    let answer = jtel.with_password("jtel", CLIENT_PASSWORD).ask(&partner(0)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    // What systemd has handed over got to SAP.
    let expected = BASE64_STANDARD.encode(format!("{SAP_USER}:{SAP_PASSWORD}"));
    assert!(sap.asked().iter().all(|asked| asked.authorization.ends_with(&expected)));
    // Nothing of root is left, nothing can be had, and what the kernel is asked is filtered.
    let status = format!("/proc/{}/status", debian.shows("MainPID").await);
    let status = debian.does(&["cat", &status]).await;
    let user = debian.does(&["id", "--user", "dialgate"]).await;
    assert!(status.contains(&format!("Uid:\t{}\t", user.trim())), "{status}");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert!(status.contains(&format!("{set}:\t0000000000000000\n")), "{status}");
    }
    assert!(status.contains("NoNewPrivs:\t1\n") && status.contains("Seccomp:\t2\n"), "{status}");
    // It knows when it was started, although it sees nothing of the machine in /proc.
    let admin = serves["admin"].as_str().unwrap();
    let metrics =
        stdout(&run(Command::new("curl").args(["-sS", &format!("http://{admin}/metrics")])).await);
    assert!(value_of(&metrics, "process_start_time_seconds") > 1_577_836_800, "{metrics}");
    assert!(
        debian.debian.read("/var/log/dialgate/access.log").await.contains("\"decision\":\"dial\"")
    );

    // `systemctl reload` waits for what comes of it, and says it.
    let config = debian.debian.read("/etc/dialgate/config.yaml").await;
    debian.debian.write("/etc/dialgate/config.yaml", &format!("{config}\nno_such_key: 1\n")).await;
    debian.does(&["systemctl", "reload", "dialgate"]).await;
    assert!(
        debian.shows("StatusText").await.contains("finding"),
        "{}",
        debian.shows("StatusText").await
    );
    debian.debian.write("/etc/dialgate/config.yaml", &config).await;
    debian.does(&["systemctl", "reload", "dialgate"]).await;
    assert!(
        !debian.shows("StatusText").await.contains("finding"),
        "{}",
        debian.shows("StatusText").await
    );

    debian.does(&["systemctl", "stop", "dialgate"]).await;

    assert_eq!(debian.shows("Result").await, "success");
    assert!(debian.journal().await.contains("all calls are over"));
}

#[tokio::test]
async fn a_configuration_with_findings_is_told_once_and_not_started_again_and_again() {
    let debian = Booted::start(Debian::with_the_package().await).await;

    let started = run(&mut debian.command(&["systemctl", "start", "dialgate"])).await;

    eventually("the service has failed", || async {
        debian.shows("ActiveState").await == "failed"
    })
    .await;
    assert_eq!(debian.shows("ExecMainStatus").await, "2", "{}", stderr(&started));
    assert_eq!(debian.shows("NRestarts").await, "0");
    assert!(debian.journal().await.contains("clients[0].secrets"), "{}", debian.journal().await);
}

/// The first process of that name among the children of another one, and theirs.
fn descendant(of: u32, name: &str) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    children.into_iter().find_map(|child| {
        let is_it =
            fs::read_to_string(format!("/proc/{child}/comm")).is_ok_and(|comm| comm.trim() == name);
        if is_it { Some(child) } else { descendant(child, name) }
    })
}
