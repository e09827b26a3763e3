//! Certificates as openssl makes them, in front of us and in front of SAP.

mod clients;
mod ends;
mod offer;
mod ours;
mod saps;
mod shown;

use std::{fs, path::PathBuf};

use tempfile::TempDir;
use tokio::process::Command;

use crate::support::program::{run, stderr, stdout};

/// A root, an intermediate CA, and certificates of servers.
struct Pki(TempDir);

impl Pki {
    async fn new() -> Self {
        Self::of("").await
    }

    /// `who`: before the names of its CAs.
    async fn of(who: &str) -> Self {
        let pki = Self(tempfile::tempdir().unwrap());
        pki.openssl(&format!("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN={who}Root -keyout root.key -out root.pem")).await;
        pki.openssl(&format!("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={who}Intermediate -keyout inter.key -out inter.csr")).await;
        pki.write(
            "inter.ext",
            "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n",
        );
        pki.openssl("x509 -req -in inter.csr -CA root.pem -CAkey root.key -CAcreateserial -days 90 -extfile inter.ext -out inter.pem").await;
        pki
    }

    /// A server's certificate of the intermediate CA; `subject`, extensions, and more for `openssl x509`.
    async fn leaf(&self, name: &str, key: &str, extensions: &str, more: &str) {
        self.openssl(&format!(
            "req -newkey {key} -nodes -subj /CN=localhost -keyout {name}.key -out {name}.csr"
        ))
        .await;
        self.write(&format!("{name}.ext"), extensions);
        self.openssl(&format!("x509 -req -in {name}.csr -CA inter.pem -CAkey inter.key -CAcreateserial {more} -extfile {name}.ext -out {name}.pem")).await;
    }

    /// A certificate that ended years ago, as `ended.pem` and `ended.key`.
    async fn ended_leaf(&self) {
        self.leaf("ended", EC, SAN, "-days 90").await;
        self.write("index.txt", "");
        self.write("index.txt.attr", "unique_subject = no\n");
        self.write("crlnumber", "01\n");
        self.write(
            "ca.cnf",
            "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\n\
             default_md=sha256\npolicy=p\ncrlnumber=crlnumber\ncrl_extensions=c\n\
             [c]\nauthorityKeyIdentifier=keyid:always\n[p]\ncommonName=supplied\n",
        );
        self.openssl("ca -batch -notext -config ca.cnf -cert inter.pem -keyfile inter.key -startdate 20200101000000Z -enddate 20200201000000Z -extfile ended.ext -in ended.csr -out ended.pem").await;
    }

    async fn openssl(&self, arguments: &str) -> String {
        let mut openssl = Command::new("openssl");
        let done = run(openssl.args(arguments.split(' ')).current_dir(self.0.path())).await;
        assert!(done.status.success(), "openssl {arguments}: {}", stderr(&done));
        stdout(&done)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Files one after the other.
    fn joined(&self, names: &[&str]) -> String {
        names.iter().map(|name| self.read(name)).collect()
    }
}

/// Nobody listens there, and these tests do not mind.
const NOWHERE: &str = "http://127.0.0.1:9";

const EC: &str = "ec -pkeyopt ec_paramgen_curve:P-256";
const SAN: &str = "subjectAltName=IP:127.0.0.1,DNS:localhost\n";
