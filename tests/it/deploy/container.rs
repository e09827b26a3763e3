//! The image, as `deploy/Dockerfile` puts it together, without an engine: the same files in a folder, and the
//! program in it by the same user, with a root that nothing can be written to.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
};

use tempfile::TempDir;
use tokio::process::Command;

use super::{as_root, filled_in, made, project};
use crate::support::{
    Client, ScriptedSap, eventually,
    gateway::{CLIENT_PASSWORD, write_certificates},
    load::partner,
    program::{run, serve_with, stderr, stdout},
};

/// The last stage of the Dockerfile: what the image is.
struct Image {
    /// What is copied into it from the stage before, whereto, and for whom.
    copies: Vec<(String, String, String)>,
    user: String,
    folder: String,
    healthcheck: Vec<String>,
    command: Vec<String>,
}

impl Image {
    fn read() -> Self {
        let text = fs::read_to_string(project("deploy/Dockerfile")).unwrap().replace("\\\n", " ");
        let lines =
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let lines: Vec<_> = lines.filter_map(|line| line.split_once(' ')).collect();
        let last = lines.iter().rposition(|(word, _)| *word == "FROM").unwrap();
        assert_eq!(lines[last].1, "scratch");
        let mut image = Self {
            copies: Vec::new(),
            user: String::new(),
            folder: String::new(),
            healthcheck: Vec::new(),
            command: Vec::new(),
        };
        for (word, rest) in &lines[last + 1..] {
            match *word {
                "COPY" => image.copies.push(copy(rest)),
                "USER" => (*rest).clone_into(&mut image.user),
                "WORKDIR" => (*rest).clone_into(&mut image.folder),
                "HEALTHCHECK" => {
                    image.healthcheck = words(rest.split_once(" CMD ").expect("a command").1);
                }
                "ENTRYPOINT" | "CMD" => image.command.extend(words(rest)),
                "LABEL" | "EXPOSE" => {}
                other => panic!("{other} in the last stage: say here what it does"),
            }
        }
        image
    }

    /// Its files in a folder.
    async fn unpack(&self) -> TempDir {
        let (stage, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let program = made("DIALGATE_TEST_STATIC");
        let staged = stage.path().join("rootfs");
        succeed(as_root(project("deploy/rootfs")).arg(program).arg(&staged)).await;
        for (from, to, owner) in &self.copies {
            let from = stage.path().join(from.trim_start_matches('/'));
            let to = root.path().join(to.trim_start_matches('/'));
            succeed(
                as_root("cp").args(["-a", "--no-preserve=ownership"]).arg(from.join(".")).arg(&to),
            )
            .await;
            succeed(as_root("chown").args(["--recursive", owner]).arg(&to)).await;
        }
        succeed(as_root("rm").arg("-rf").arg(stage.path())).await;
        succeed(as_root("chmod").arg("755").arg(root.path())).await;
        // What engines put in: folders to mount at, and names of this machine.
        succeed(as_root("mkdir").arg(root.path().join("proc"))).await;
        let hosts = "echo '127.0.0.1 localhost sap.test' >\"$1/etc/hosts\"";
        succeed(as_root("sh").args(["-c", hosts, "sh"]).arg(root.path())).await;
        root
    }

    fn runs(&self, root: &Path, command: &[String]) -> Command {
        let mut process = as_root("unshare");
        process.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-e"]);
        process.arg(project("tests/it/deploy/container.sh")).arg(root);
        process.args([&self.user, &self.folder]).args(command).kill_on_drop(true);
        process
    }
}

/// `--from=build --chown=1:1 /from /to`
fn copy(rest: &str) -> (String, String, String) {
    let mut owner = "0:0".to_owned();
    let mut paths = Vec::new();
    for word in rest.split_whitespace() {
        match word.strip_prefix("--chown=") {
            Some(given) => given.clone_into(&mut owner),
            None if word == "--from=build" => {}
            None => paths.push(word.to_owned()),
        }
    }
    let [from, to] = paths.try_into().expect("from where, and to where");
    assert!(from.starts_with("/rootfs"), "{from} is not what deploy/rootfs has put together");
    (from, to, owner)
}

fn words(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_else(|_| panic!("{json} would need a shell"))
}

async fn succeed(command: &mut Command) {
    let done = run(command).await;
    assert!(done.status.success(), "{command:?}: {}{}", stdout(&done), stderr(&done));
}

/// A port that is free now.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn the_image_answers_its_first_call_and_is_healthy_for_a_user_who_may_write_nothing() {
    let image = Image::read();
    assert_eq!(image.user, "65532:65532");
    let sap = ScriptedSap::start().await;
    // By a name, which has to be looked up without any library beside the program.
    let sap_url = sap.url().replace("127.0.0.1", "sap.test");
    let root = image.unpack().await;
    let conf = tempfile::tempdir().unwrap();
    write_certificates(conf.path());
    let admin = free().to_string();
    let more = [
        ("admin.address", admin.as_str()),
        ("listen.tls.certificate", "server.pem"),
        ("listen.tls.key", "server-key.pem"),
    ];
    let shipped = fs::read_to_string(project("config.yaml")).unwrap();
    fs::write(conf.path().join("config.yaml"), filled_in(&shipped, &sap_url, &more)).unwrap();
    // As a volume that the image's user may read.
    let inside = root.path().join("etc/dialgate");
    succeed(as_root("cp").args(["-a"]).arg(conf.path().join(".")).arg(&inside)).await;
    succeed(as_root("chown").args(["--recursive", "0:65532"]).arg(&inside)).await;
    succeed(as_root("chmod").args(["--recursive", "u=rwX,g=rX,o="]).arg(&inside)).await;

    let (process, log) = serve_with(image.runs(root.path(), &image.command)).await;

    let address = log.address.parse().unwrap();
    let jtel = Client::new(address, "/onClickToDial", &conf.path().join("ca.pem"), false);
    let answer = jtel.with_password("jtel", CLIENT_PASSWORD).ask(&partner(0)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    succeed(&mut image.runs(root.path(), &image.healthcheck)).await;
    drop(process);
    eventually("the image is not healthy any more", || async {
        run(&mut image.runs(root.path(), &image.healthcheck)).await.status.code() == Some(1)
    })
    .await;
    // Nothing of it belongs to the user but the folder for what is remembered.
    let own = run(as_root("find").arg(root.path()).args(["-uid", "65532"])).await;
    assert_eq!(stdout(&own).trim(), root.path().join("var/lib/dialgate").to_str().unwrap());
    succeed(as_root("rm").arg("-rf").arg(root.path())).await;
}

#[tokio::test]
async fn nothing_can_be_written_in_the_image_and_it_says_which_build_it_is() {
    let image = Image::read();
    let root = image.unpack().await;
    let program = image.command[0].clone();

    let version = [program.clone(), "version".to_owned()];
    let version = run(&mut image.runs(root.path(), &version)).await;
    assert!(stdout(&version).contains("target "), "{}", stderr(&version));
    let folder = "/var/lib/dialgate/certs".to_owned();
    let writes = [program, "certs".to_owned(), "dev".to_owned(), "--out".to_owned(), folder];
    let writes = run(&mut image.runs(root.path(), &writes)).await;
    assert!(stderr(&writes).contains("Read-only file system"), "{}", stderr(&writes));
    succeed(as_root("rm").arg("-rf").arg(root.path())).await;
}
