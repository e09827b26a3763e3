//! A Debian in a folder, with the package installed as an administrator does it.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use tempfile::TempDir;
use tokio::process::Command;

use super::{as_root, filled_in, made};
use crate::support::program::{run, stderr, stdout};

/// A Debian of its own. It goes with the test.
pub(super) struct Debian {
    folder: TempDir,
}

impl Debian {
    /// A fresh one, with the package of this build.
    pub(super) async fn with_the_package() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let system = made("DIALGATE_TEST_DEBIAN").join(".");
        let copied =
            run(as_root("cp").args(["-a", "--reflink=auto"]).arg(system).arg(folder.path())).await;
        assert!(copied.status.success(), "{}", stderr(&copied));
        let debian = Self { folder };
        debian.install().await;
        debian
    }

    /// Installs the package, or installs it again.
    pub(super) async fn install(&self) {
        let package = made("DIALGATE_TEST_PACKAGE");
        let inside = self.path("/root/dialgate.deb");
        let copied = run(as_root("cp").arg(package).arg(inside)).await;
        assert!(copied.status.success(), "{}", stderr(&copied));
        self.does(["dpkg", "--install", "/root/dialgate.deb"]).await;
    }

    /// Where it is for those outside.
    pub(super) fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside.trim_start_matches('/'))
    }

    pub(super) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// A command inside, as root.
    pub(super) fn command<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = as_root("chroot");
        command.arg(self.folder.path()).args(arguments);
        command.env("LC_ALL", "C.UTF-8").env_remove("DIALGATE_CONFIG").kill_on_drop(true);
        command
    }

    /// The same as the service's user.
    pub(super) fn command_of_the_service<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = as_root("chroot");
        command.args(["--userspec=dialgate:dialgate", "--groups=dialgate"]);
        command.arg(self.folder.path()).args(arguments);
        command.env("LC_ALL", "C.UTF-8").env_remove("DIALGATE_CONFIG").kill_on_drop(true);
        command
    }

    /// Runs a command inside, as root, to whatever end.
    pub(super) async fn tries<const N: usize>(&self, arguments: [&str; N]) -> Output {
        run(&mut self.command(arguments)).await
    }

    /// Runs one that has to succeed, and says what it said.
    pub(super) async fn does<const N: usize>(&self, arguments: [&str; N]) -> String {
        let done = self.tries(arguments).await;
        let said = format!("{}{}", stdout(&done), stderr(&done));
        assert!(done.status.success(), "{arguments:?}: {said}");
        said
    }

    /// Owner, group and mode of a file.
    pub(super) async fn owner(&self, path: &str) -> String {
        self.does(["stat", "--format=%U:%G %a", path]).await.trim().to_owned()
    }

    pub(super) async fn read(&self, path: &str) -> String {
        self.does(["cat", path]).await
    }

    /// Writes into a file that is there, which keeps its owner and mode.
    pub(super) async fn write(&self, path: &str, text: &str) {
        let outside = tempfile::NamedTempFile::new().unwrap();
        fs::write(outside.path(), text).unwrap();
        let mut copy = as_root("cp");
        copy.arg("--no-preserve=all").arg(outside.path()).arg(self.path(path));
        let copied = run(&mut copy).await;
        assert!(copied.status.success(), "{}", stderr(&copied));
    }

    /// Does what the README says is left to do: a certificate, and the configuration.
    pub(super) async fn fill_in(&self, sap_url: &str, more: &[(&str, &str)]) {
        self.does(["dialgate", "certs", "dev", "--out", "/etc/dialgate/certs"]).await;
        self.does(["chgrp", "--recursive", "dialgate", "/etc/dialgate/certs"]).await;
        self.does(["chmod", "0640", "/etc/dialgate/certs/server-key.pem"]).await;
        // The CA is shown to whoever asks.
        self.does(["cp", "/etc/dialgate/certs/ca.pem", "/usr/share/ca.pem"]).await;
        let shipped = self.read("/etc/dialgate/config.yaml").await;
        self.write("/etc/dialgate/config.yaml", &filled_in(&shipped, sap_url, more)).await;
    }

    /// The CA of the certificate that [`Self::fill_in`] made.
    pub(super) fn ca(&self) -> PathBuf {
        self.path("/usr/share/ca.pem")
    }
}

impl Drop for Debian {
    fn drop(&mut self) {
        // Its files are root's; what is left where that fails is a folder among temporary ones.
        let command = as_root("rm");
        let mut command = command.into_std();
        let _left_behind = command.arg("-rf").arg(self.folder.path()).status();
    }
}
