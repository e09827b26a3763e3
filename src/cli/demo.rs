//! `dialgate demo`: the whole way on this machine, without SAP and without jtel.
//!
//! The shipped configuration with SAP pointed at the simulator, development certificates, a client
//! with a fresh password; everything in a folder of its own, so that its configuration can be used by
//! other commands while it runs, and longer with `--keep`.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use clap::Args;
use tempfile::TempDir;

use super::{
    Failure, block_on,
    certs::DevCertificates,
    http::{self, Reply, Trust},
    output::{GOOD, HEADING, painted, print},
    run::{serve_until_told, start_log, without_core_dumps},
    secret::NewSecret,
};
use crate::{
    app::{self, App, Signals},
    config::{self, Environment},
    simulator::{Simulator, SimulatorOptions},
};

/// The client that plays jtel.
const CLIENT: &str = "jtel";

/// The simulator's technical user.
const SAP_USER: &str = "JTEL_GW";

/// A question every newcomer can ask: partner 1001910 of the simulator.
const QUESTION: &str = "SAPBusinessPartnerID=1001910&SAPPhoneNumber=4989461495000";

#[derive(Args, Debug)]
pub(super) struct Demo {
    /// Port for jtel on 127.0.0.1; 0 takes any free one.
    #[arg(long, default_value_t = 8443)]
    port: u16,
    /// Port for metrics and health on 127.0.0.1; 0 takes any free one.
    #[arg(long, default_value_t = 9464)]
    admin_port: u16,
    /// Port for the SAP simulator on 127.0.0.1; 0 takes any free one.
    #[arg(long, default_value_t = 9480)]
    sim_port: u16,
    /// Leave the folder with configuration, certificates and passwords behind.
    #[arg(long)]
    keep: bool,
    /// One line of JSON once everything answers, for scripts.
    #[arg(long)]
    json: bool,
}

/// The demo's folder and what is in it.
struct Stage {
    /// Removed at the end, unless it is kept.
    folder: TempDir,
    certificates: DevCertificates,
    sap_password_file: PathBuf,
    config_file: PathBuf,
    access_file: PathBuf,
    client: NewSecret,
}

impl Demo {
    pub(super) fn execute(self) -> Result<(), Failure> {
        without_core_dumps();
        block_on(self.play())?
    }

    async fn play(self) -> Result<(), Failure> {
        let mut signals = Signals::catch().context("signals cannot be caught")?;
        let mut stage = Stage::set()?;
        stage.folder.disable_cleanup(self.keep);
        let sap_password = NewSecret::make(SAP_USER)?.password;
        write_private(&stage.sap_password_file, sap_password.expose())?;
        let simulator = Simulator::start(SimulatorOptions {
            address: loopback(self.sim_port),
            user: SAP_USER.to_owned(),
            password: Some(sap_password),
            delay: Duration::ZERO,
        })
        .await
        .context("the simulator does not start; --sim-port 0 takes any free port")?;

        let sap = simulator.local_address();
        let (calls, admin) = (loopback(self.port), loopback(self.admin_port));
        let config = stage.write_config(calls, admin, sap)?;
        let log = start_log(&config)?;
        let app = App::with_log(config, &log.control())
            .context("cannot start; --port 0 and --admin-port 0 take any free port")?;
        let facts = Facts {
            url: format!("https://{}{}", app.address(), config_path(&stage)?),
            admin_url: format!("http://{}", app.admin_address()),
            sim_url: format!("http://{sap}"),
        };
        // The ports are known now, also where any free one was asked for.
        stage.write_config(app.address(), app.admin_address(), sap)?;
        let control = app.control();
        let serving = tokio::spawn(async move { serve_until_told(app, &mut signals).await });
        let told = async {
            let answer = stage.ask(&facts).await?;
            print(&if self.json {
                facts.json(&stage)
            } else {
                facts.text(&stage, &answer, self.keep)
            })
        };
        let told = told.await;
        if told.is_err() {
            // Nobody knows where the demo is, so there is nothing to serve.
            control.force();
        }
        let served = serving.await.context("the server task failed")?;
        simulator.shut_down().await;
        told?;
        Ok(served?)
    }
}

fn config_path(stage: &Stage) -> Result<String, Failure> {
    let config = app::load(&stage.config_file, &Environment::process())?;
    Ok(config.listen.path)
}

impl Stage {
    fn set() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("dialgate-demo-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .context("cannot make a folder for the demo")?;
        let certificates = DevCertificates::in_folder(folder.path());
        certificates.make(&[], false)?;
        Ok(Self {
            certificates,
            sap_password_file: folder.path().join("sap-password"),
            config_file: folder.path().join("config.yaml"),
            access_file: folder.path().join("access.log"),
            client: NewSecret::make(CLIENT)?,
            folder,
        })
    }

    /// The shipped configuration with what differs here, written and read back.
    fn write_config(
        &self,
        calls: SocketAddr,
        admin: SocketAddr,
        sap: SocketAddr,
    ) -> Result<config::Config, Failure> {
        let quoted = |path: &Path| serde_json::Value::from(path.to_string_lossy()).to_string();
        let login = format!(
            "{{ basic: {{ user: {SAP_USER}, password: {{ file: {} }} }} }}",
            quoted(&self.sap_password_file)
        );
        let client = format!("[{{ name: {CLIENT}, secrets: [\"{}\"] }}]", self.client.hash);
        let text = config::edit(
            config::EXAMPLE,
            &[
                ("listen.address", calls.to_string()),
                ("listen.tls.certificate", quoted(&self.certificates.certificate)),
                ("listen.tls.key", quoted(&self.certificates.key)),
                ("admin.address", admin.to_string()),
                ("clients", client),
                ("sap.url", format!("http://{sap}")),
                ("sap.login", login),
                // The terminal is for the person who tries it.
                ("log.access", format!("{{ file: {} }}", quoted(&self.access_file))),
            ],
        )?;
        fs::write(&self.config_file, text)
            .with_context(|| format!("cannot write {}", self.config_file.display()))?;
        Ok(app::load(&self.config_file, &Environment::process())?)
    }

    /// Asks as jtel would; waits for the first answer as long as the client is patient.
    async fn ask(&self, facts: &Facts) -> anyhow::Result<Reply> {
        let url = format!("{}?{QUESTION}", facts.url);
        let login = Some((CLIENT, &self.client.password));
        http::get(&url, Trust::Ca(&self.certificates.ca), login).await
    }
}

/// Where everything is.
struct Facts {
    url: String,
    admin_url: String,
    sim_url: String,
}

impl Facts {
    fn curl(&self, stage: &Stage) -> String {
        format!(
            "curl --cacert '{}' -u '{CLIENT}:{}' '{}?{QUESTION}'",
            stage.certificates.ca.display(),
            stage.client.password.expose(),
            self.url,
        )
    }

    fn json(&self, stage: &Stage) -> String {
        let facts = serde_json::json!({
            "url": self.url,
            "admin_url": self.admin_url,
            "sim_url": self.sim_url,
            "ca_file": stage.certificates.ca,
            "user": CLIENT,
            "password": stage.client.password.expose(),
            "curl": self.curl(stage),
            "config_file": stage.config_file,
        });
        format!("{facts}\n")
    }

    fn text(&self, stage: &Stage, answer: &Reply, is_kept: bool) -> String {
        let heading = |text: &str| painted(HEADING, text);
        format!(
            "\
{up}, with a SAP simulator behind it. Ctrl-C ends both.

  calls from jtel   {url}
  metrics, health   {admin}/metrics   {admin}/readyz?verbose
  SAP simulator     {sim}/_sim
  configuration     {config}
                    (with certificates and passwords of its own; {folder})
  access records    {access}

{ask}

  {curl}

{the_answer} ({status}):

  {body}

Partners to try: 1001910 and 1001911 are dialled, 2000001 is a corporate account; 1001912 is
blocked, 1001913 has no sales data, 1001914 no country, 1001915 two channels, 4040404 is unknown.
Make SAP silent:  curl -X PUT '{sim}/_sim/fault?kind=hang'    and back:  curl -X DELETE {sim}/_sim/fault
",
            up = painted(GOOD, "dialgate is up"),
            ask = heading("Ask as jtel does:"),
            the_answer = heading("The answer"),
            folder = if is_kept { "the folder stays" } else { "the folder goes at the end; --keep leaves it" },
            access = stage.access_file.display(),
            url = self.url,
            admin = self.admin_url,
            sim = self.sim_url,
            config = stage.config_file.display(),
            curl = self.curl(stage),
            status = answer.status,
            body = answer.body,
        )
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}
