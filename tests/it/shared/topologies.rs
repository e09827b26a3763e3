//! A user of the ACL, TLS, Sentinels with a failover, a cluster of three.

use std::{fs, process::Stdio};

use tokio::process::Command;

use super::redis::{Redis, Replicas, free_port, until_written};
use crate::support::{eventually, gateway::write_certificates};

/// What README.md says that a user needs.
pub(super) const ALLOWED: &str = "~dialgate:* -@all +ping +get +getrange +set +del +pexpire +time +eval +evalsha \
                       +xadd +xrange +xrevrange +zadd +zcard +zrange +zrem +zremrangebyscore +zscore";

#[tokio::test]
async fn a_user_with_the_rights_that_are_documented_is_enough() {
    let redis = Redis::start().await;
    let granted = format!("ACL SETUSER dialgate on >geheim {ALLOWED}");
    redis.ask::<()>(&granted).await;
    assert!(include_str!("../../../README.md").contains(ALLOWED));
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    crate::support::gateway::write_key(&password, "geheim");
    let login =
        format!(", login: {{ user: dialgate, password: {{ file: {} }} }}", password.display());
    let replicas = Replicas::start(2, &redis.shared(&login), &[]).await;

    replicas.all[0].jtel().ask("1001910").await;
    until_written(&replicas, 1).await;
    assert_eq!(replicas.all[1].jtel().ask("1001910").await.source(), "shared");
    super::forget(&replicas.all[0], "1001910").await;
    assert_eq!(replicas.sum(r#"dialgate_shared_memory_requests_total{result="refused"}"#).await, 0);
}

#[tokio::test]
async fn tls_is_spoken_with_whom_the_ca_has_signed_and_with_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    write_certificates(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let port = free_port().to_string();
    let (certificate, key, ca) = (file("server.pem"), file("server-key.pem"), file("ca.pem"));
    let redis = Redis::start_with(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &ca,
        "--tls-auth-clients",
        "no",
    ])
    .await;
    let tls =
        |ca: &str| format!("{{ urls: [\"rediss://localhost:{port}\"], tls: {{ ca_file: {ca} }} }}");
    let replicas = Replicas::start(2, &tls(&ca), &[]).await;

    replicas.all[0].jtel().ask("1001910").await;
    until_written(&replicas, 1).await;
    assert_eq!(replicas.all[1].jtel().ask("1001910").await.source(), "shared");

    let other = tempfile::tempdir().unwrap();
    write_certificates(other.path());
    let other_ca = other.path().join("ca.pem").display().to_string();
    let key = folder.path().join("key");
    crate::support::gateway::write_key(&key, super::KEY);
    let keys = format!("[{{ file: {} }}]", key.display());
    let changes = [("cache.keys", keys.as_str()), ("cache.shared", &tls(&other_ca))];
    let stranger = crate::support::Gateway::start_with(&changes).await;
    eventually("it does not trust it", || async {
        super::count(&stranger, r#"dialgate_shared_memory{state="left_alone"}"#).await == 1
    })
    .await;
    assert_eq!(stranger.jtel().ask("1001910").await.source(), "sap");
    drop(redis);
}

#[tokio::test]
async fn a_sentinel_names_the_next_master_and_no_call_fails_in_between() {
    let mut master = Redis::start().await;
    let of = ["--replicaof", &format!("127.0.0.1 {}", master.port)];
    let replica = Redis::start_with(&of).await;
    let folder = tempfile::tempdir().unwrap();
    let (config, port) = (folder.path().join("sentinel.conf"), free_port());
    let text = format!(
        "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor mymaster 127.0.0.1 {} 1\n\
         sentinel down-after-milliseconds mymaster 500\nsentinel failover-timeout mymaster 2000\n",
        folder.path().display(),
        master.port
    );
    fs::write(&config, text).unwrap();
    let _sentinel = Command::new("redis-server")
        .args([&config.display().to_string(), "--sentinel"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let section =
        format!("{{ mode: sentinel, master: mymaster, urls: [\"redis://127.0.0.1:{port}\"] }}");
    let replicas = Replicas::start(2, &section, &[]).await;
    replicas.all[0].jtel().ask("1001910").await;
    until_written(&replicas, 1).await;
    eventually("the replica has it", || async { replica.keys("*said").await.len() == 1 }).await;

    master.kill().await;
    for n in 0..20 {
        for gateway in &replicas.all {
            let answer = gateway.jtel().ask(&crate::support::load::partner(n)).await;
            assert_eq!(answer.status.as_u16(), 200);
        }
    }
    eventually("the replica is the master", || async {
        replica.ask::<String>("INFO replication").await.contains("role:master")
    })
    .await;
    replicas.until("answering").await;

    let before = replicas.sum(r#"dialgate_shared_writes_total{result="written"}"#).await;
    replicas.all[0].jtel().ask("2000001").await;
    until_written(&replicas, before + 1).await;
    assert_eq!(replicas.all[1].jtel().ask("2000001").await.source(), "shared");
    assert_eq!(replicas.all[1].jtel().ask("1001910").await.source(), "shared");
}

#[tokio::test]
async fn a_cluster_of_three_is_one_memory_and_one_node_that_dies_costs_no_call() {
    let enabled = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
    let with_require = [&enabled[..], &["--cluster-require-full-coverage", "no"]].concat();
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(Redis::start_with(&with_require).await);
    }
    for (n, (from, to)) in [(0, 5460), (5461, 10922), (10923, 16383)].into_iter().enumerate() {
        nodes[n].ask::<()>(&format!("CLUSTER ADDSLOTSRANGE {from} {to}")).await;
        nodes[0].ask::<()>(&format!("CLUSTER MEET 127.0.0.1 {}", nodes[n].port)).await;
    }
    for node in &nodes {
        eventually("the cluster is whole", || async {
            let info = node.ask::<String>("CLUSTER INFO").await;
            info.contains("cluster_state:ok")
                && info.contains("cluster_known_nodes:3")
                && info.contains("cluster_slots_assigned:16384")
        })
        .await;
    }
    let section = format!("{{ mode: cluster, urls: [\"redis://127.0.0.1:{}\"] }}", nodes[0].port);
    let replicas = Replicas::start(2, &section, &[]).await;

    let partners: Vec<_> = (0..30).map(crate::support::load::partner).collect();
    for partner in &partners {
        replicas.all[0].jtel().ask(partner).await;
    }
    until_written(&replicas, 30).await;
    for partner in &partners {
        assert_eq!(replicas.all[1].jtel().ask(partner).await.source(), "shared", "{partner}");
    }
    for node in &nodes {
        assert!(!node.keys("*said").await.is_empty());
    }
    super::forget(&replicas.all[0], &partners[0]).await;
    assert_eq!(replicas.sum(r#"dialgate_shared_forgotten_total{result="told"}"#).await, 1);

    nodes[2].kill().await;
    for n in 100..140 {
        for gateway in &replicas.all {
            let answer = gateway.jtel().ask(&crate::support::load::partner(n)).await;
            assert_eq!(answer.status.as_u16(), 200);
        }
    }
}
