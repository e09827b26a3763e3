//! The real gateway on free ports, with the SAP simulator behind it.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use dialgate::{
    app::{self, App, Control},
    config::{self, Environment, Secret, SecretHash},
    simulator::{Simulator, SimulatorHandle, SimulatorOptions},
    telemetry::audit::Keys,
};
use rcgen::{CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::{Client, eventually};

pub(crate) const SAP_USER: &str = "JTEL_GW";
pub(crate) const SAP_PASSWORD: &str = "canary-sap-password";
pub(crate) const CLIENT_PASSWORD: &str = "canary-client-password";

/// A running gateway and everything around it.
pub(crate) struct Gateway {
    pub(crate) folder: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) sap: SimulatorHandle,
    pub(crate) sap_url: String,
    pub(crate) control: Control,
    pub(crate) serving: JoinHandle<()>,
    simulator: Option<Simulator>,
}

impl Gateway {
    /// The shipped configuration with SAP pointed at the simulator.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with some keys changed; ready to be asked.
    pub(crate) async fn start_with(changes: &[(&str, &str)]) -> Self {
        let gateway = Self::start_unready(changes).await;
        gateway.until_ready().await;
        gateway
    }

    /// The same, whether SAP answers or not.
    pub(crate) async fn start_unready(changes: &[(&str, &str)]) -> Self {
        let simulator = Simulator::start(SimulatorOptions {
            address: ([127, 0, 0, 1], 0).into(),
            user: SAP_USER.to_owned(),
            password: Some(Secret::new(SAP_PASSWORD.to_owned())),
            delay: Duration::ZERO,
        })
        .await
        .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let sap_url = format!("http://{}", simulator.local_address());
        let config_file = write_config(folder.path(), &sap_url, changes);

        let config =
            app::load(&config_file, &Environment::process()).unwrap_or_else(|e| panic!("{e}"));
        let app = App::new(config).unwrap();
        let (address, admin, control) = (app.address(), app.admin_address(), app.control());
        let serving = tokio::spawn(app.serve());
        Self {
            folder,
            address,
            admin,
            sap: simulator.handle(),
            sap_url,
            control,
            serving,
            simulator: Some(simulator),
        }
    }

    /// Waits until `/readyz` says so.
    pub(crate) async fn until_ready(&self) {
        eventually("the gateway is ready", || async { self.admin("/readyz").await.0 == 200 }).await;
    }

    /// jtel, with the right password, over HTTP/1.1.
    pub(crate) fn jtel(&self) -> Client {
        self.client(false).with_password("jtel", CLIENT_PASSWORD)
    }

    /// The same at another path.
    pub(crate) fn jtel_at(&self, path: &str) -> Client {
        Client::new(self.address, path, &self.ca(), false).with_password("jtel", CLIENT_PASSWORD)
    }

    /// jtel, with the right password, over HTTP/2.
    pub(crate) fn jtel_h2(&self) -> Client {
        self.client(true).with_password("jtel", CLIENT_PASSWORD)
    }

    fn client(&self, h2: bool) -> Client {
        Client::new(self.address, "/onClickToDial", &self.ca(), h2)
    }

    /// The CA that signed the gateway's certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Asks the admin listener.
    pub(crate) async fn admin(&self, path: &str) -> (u16, String) {
        let client = Client::new(self.admin, "", &self.ca(), false);
        let answer = client.send(http::Method::GET, &format!("http://{}{path}", self.admin)).await;
        (answer.status.as_u16(), answer.text)
    }

    /// Has the files read again: status and text of the answer.
    pub(crate) async fn reload(&self) -> (u16, String) {
        let admin = Client::new(self.admin, "", &self.ca(), false);
        let url = format!("http://{}/reload", self.admin);
        let answer = admin.send(http::Method::POST, &url).await;
        (answer.status.as_u16(), answer.text)
    }

    /// Everything Prometheus would read.
    pub(crate) async fn metrics(&self) -> String {
        self.admin("/metrics").await.1
    }

    /// The access records so far, one JSON value each.
    pub(crate) fn records(&self) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits until there are so many access records.
    pub(crate) async fn until_records(&self, count: usize) -> Vec<serde_json::Value> {
        eventually("access records", || async { self.records().len() >= count }).await;
        self.records()
    }

    /// Takes SAP away: its port is closed.
    pub(crate) async fn stop_sap(&mut self) {
        if let Some(simulator) = self.simulator.take() {
            simulator.shut_down().await;
        }
    }
}

/// Writes a key as its owner would: for nobody else to read.
pub(crate) fn write_key(file: &Path, pem: &str) {
    fs::write(file, pem).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A configuration, certificates and secrets in `folder`, for a SAP at `sap_url`.
pub(crate) fn write_config(folder: &Path, sap_url: &str, changes: &[(&str, &str)]) -> PathBuf {
    write_certificates(folder);
    rewrite_config(folder, sap_url, changes)
}

/// The same without new certificates: a configuration that changes while a gateway runs with it.
pub(crate) fn rewrite_config(folder: &Path, sap_url: &str, changes: &[(&str, &str)]) -> PathBuf {
    let password_file = folder.join("sap-password");
    if !password_file.exists() {
        fs::write(&password_file, SAP_PASSWORD).unwrap();
        fs::set_permissions(&password_file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    if changes.iter().any(|(key, _)| *key == "audit") && !folder.join("keys").exists() {
        make_audit_folders(folder);
    }
    let hash = SecretHash::of(CLIENT_PASSWORD.as_bytes());
    let mut all = vec![
        ("listen.address", "127.0.0.1:0".to_owned()),
        ("listen.tls.certificate", "server.pem".to_owned()),
        ("listen.tls.key", "server-key.pem".to_owned()),
        ("admin.address", "127.0.0.1:0".to_owned()),
        ("clients", format!("[{{ name: jtel, secrets: [\"{hash}\"] }}]")),
        ("sap.url", sap_url.to_owned()),
        (
            "sap.login",
            format!("{{ basic: {{ user: {SAP_USER}, password: {{ file: sap-password }} }} }}"),
        ),
        ("log.access", "{ file: access.log }".to_owned()),
    ];
    for (key, value) in changes {
        all.retain(|(other, _)| other != key);
        all.push((key, value.replace("SAP_URL", sap_url)));
    }
    let has_several_systems = changes.iter().any(|(key, _)| *key == "systems");
    if has_several_systems {
        all.retain(|(key, _)| !key.starts_with("sap."));
    }
    let mut text = with_default_pair();
    for (key, _) in &all {
        // Keys that the shipped file only shows, as examples.
        if let Some((_, name)) = key.split_once('.')
            && !text.contains(&format!("\n  {name}:"))
        {
            text = text.replace(&format!("\n  # {name}:"), &format!("\n  {name}:"));
        }
    }
    if has_several_systems {
        // An empty section is one, too.
        let section = text.find("\nsap:\n").unwrap()..text.find("\nsystems:").unwrap();
        text.replace_range(section, "");
    }
    let text = config::edit(&text, &all).unwrap_or_else(|e| panic!("{e}"));
    let (file, new) = (folder.join("config.yaml"), folder.join("config.yaml.new"));
    // At once, as an editor does it.
    fs::write(&new, text).unwrap();
    fs::rename(&new, &file).unwrap();
    file
}

/// The shipped configuration with its example of `rules.default` in force, so that tests can change
/// it; no rule uses it by default.
fn with_default_pair() -> String {
    let commented = "  # default:\n  #   distribution_channel: Direct sales\n  #   country: DE\n";
    let in_force = commented.replace("# ", "");
    assert!(config::EXAMPLE.contains(commented));
    let destinations = "  # destination_countries: [DE, AT, CH]\n";
    assert!(config::EXAMPLE.contains(destinations));
    config::EXAMPLE
        .replace(commented, &in_force)
        // No value, as without the key: now there is one to change.
        .replace(destinations, "  destination_countries: ~\n")
        + "\naudit: ~\n"
}

/// An audit trail that loses no call, signed at the end and not before.
pub(crate) const AUDIT: &str =
    "{ folder: trail, keys: keys, when_unwritable: refuse, checkpoint_every: 5m }";

/// The folders that `AUDIT` names; what checks the trail is in `public-key` and `mac-key`.
fn make_audit_folders(folder: &Path) {
    fs::create_dir(folder.join("trail")).unwrap();
    let made = Keys::make(&folder.join("keys")).unwrap();
    fs::write(folder.join("public-key"), made.public.text()).unwrap();
    fs::write(folder.join("mac-key"), made.first_mac_key.as_bytes()).unwrap();
}

/// A CA and a server certificate of it. Others each time.
pub(crate) fn write_certificates(folder: &Path) {
    Authority::new(folder).issue(folder);
}

/// A CA that can renew a gateway's certificate.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new one; its certificate is `ca.pem` in `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, "dialgate test CA");
        ca.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        fs::write(folder.join("ca.pem"), ca.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(ca, key) }
    }

    /// A new server certificate and its key in `folder`, one file after the other.
    pub(crate) fn issue(&self, folder: &Path) {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let mut server = CertificateParams::new(names.to_vec()).unwrap();
        server.distinguished_name.push(DnType::CommonName, "dialgate test server");
        let key = KeyPair::generate().unwrap();
        let certificate = server.signed_by(&key, &self.issuer).unwrap();
        fs::write(folder.join("server.pem"), certificate.pem()).unwrap();
        write_key(&folder.join("server-key.pem"), &key.serialize_pem());
    }
}
