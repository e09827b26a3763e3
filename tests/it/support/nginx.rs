//! nginx that wants to see a client certificate, in front of a SAP: ends with the test.

use std::{fs, net::TcpListener, path::Path, process::Stdio};

use base64::{Engine, prelude::BASE64_STANDARD};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use super::eventually;

/// A running nginx.
pub(crate) struct Nginx {
    pub(crate) url: String,
    _process: Child,
}

impl Nginx {
    /// Shows `server.pem`, takes client certificates signed by `client-ca.pem`, both in `folder`,
    /// and passes on to `sap` with Basic credentials.
    pub(crate) async fn start(folder: &Path, sap: &str, user: &str, password: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let token = BASE64_STANDARD.encode(format!("{user}:{password}"));
        let prefix = folder.display();
        let text = format!(
            "daemon off; master_process off; pid {prefix}/nginx.pid; error_log stderr;\n\
             events {{ worker_connections 64; }}\n\
             http {{\n\
               access_log off;\n\
               client_body_temp_path {prefix}/body; proxy_temp_path {prefix}/proxy;\n\
               fastcgi_temp_path {prefix}/fastcgi; uwsgi_temp_path {prefix}/uwsgi;\n\
               scgi_temp_path {prefix}/scgi;\n\
               server {{\n\
                 listen 127.0.0.1:{port} ssl;\n\
                 ssl_certificate {prefix}/nginx.pem; ssl_certificate_key {prefix}/nginx-key.pem;\n\
                 ssl_client_certificate {prefix}/client-ca.pem; ssl_verify_client on;\n\
                 location / {{\n\
                   proxy_pass {sap};\n\
                   proxy_set_header Authorization \"Basic {token}\";\n\
                 }}\n\
               }}\n\
             }}\n"
        );
        let config = folder.join("nginx.conf");
        fs::write(&config, text).unwrap();
        let process = Command::new("nginx")
            .arg("-p")
            .arg(folder)
            .arg("-c")
            .arg(&config)
            .arg("-e")
            .arg("stderr")
            .stdin(Stdio::null())
            // What it complains about belongs into the output of a test that fails.
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .expect("nginx starts; tests/run installs it");
        eventually("nginx listens", || async {
            TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await;
        Self { url: format!("https://127.0.0.1:{port}"), _process: process }
    }
}
