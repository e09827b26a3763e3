//! A headless Chromium, spoken to in its own protocol (`DevTools`) over a pipe: what a test needs of
//! that is little, and no driver, port or package stands between the two.

use std::{
    collections::HashMap,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{Mutex as AsyncMutex, oneshot},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use super::tab::Tab;
use crate::support::PATIENCE;

/// Chromium takes commands at its descriptor 3 and answers at 4. Root has no sandbox to be in.
const START: &str = "[ \"$(id -u)\" = 0 ] && set -- --no-sandbox \"$@\"
exec chromium --headless --remote-debugging-pipe \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null";

/// A machine that runs tests has other things to do than these, and may have little shared memory.
const OPTIONS: [&str; 6] = [
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-proxy-server",
];

/// A running one; it ends with the test.
pub(super) struct Browser {
    _process: Child,
    _profile: TempDir,
    pipe: Arc<Pipe>,
    _reader: AbortOnDropHandle<()>,
}

/// Both ways to it.
pub(super) struct Pipe {
    commands: AsyncMutex<ChildStdin>,
    last: AtomicU64,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    awaited: HashMap<u64, oneshot::Sender<Value>>,
    events: Vec<Value>,
}

impl Browser {
    pub(super) async fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut process = Command::new("sh")
            .args(["-c", START, "sh"])
            .args(OPTIONS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let pipe = Arc::new(Pipe {
            commands: AsyncMutex::new(process.stdin.take().unwrap()),
            last: AtomicU64::new(0),
            heard: Mutex::default(),
        });
        let reader = tokio::spawn(read(process.stdout.take().unwrap(), Arc::clone(&pipe)));
        let reader = AbortOnDropHandle::new(reader);
        let browser = Self { _process: process, _profile: profile, pipe, _reader: reader };
        let version = browser.pipe.send(None, "Browser.getVersion", json!({})).await;
        assert!(version["product"].as_str().is_some_and(|name| name.contains("Chrome")));
        browser
    }

    /// A new tab, with nothing in it.
    pub(super) async fn tab(&self) -> Tab {
        let blank = json!({ "url": "about:blank" });
        let tab = self.pipe.send(None, "Target.createTarget", blank).await;
        let target = tab["targetId"].clone();
        let attach = json!({ "targetId": target, "flatten": true });
        let attached = self.pipe.send(None, "Target.attachToTarget", attach).await;
        let session = attached["sessionId"].as_str().unwrap().to_owned();
        Tab::new(Arc::clone(&self.pipe), target, session).await
    }
}

/// What Chromium says of a question to a page that goes away just then.
const GONE: &str = "Inspected target navigated or closed";

impl Pipe {
    /// Has something done, in a tab where there is a session, and waits until it is.
    pub(super) async fn send(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let mut command = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            command["sessionId"] = session.into();
        }
        let (sender, answered) = oneshot::channel();
        self.heard.lock().unwrap().awaited.insert(id, sender);
        let mut bytes = command.to_string().into_bytes();
        bytes.push(0);
        let written = async { self.commands.lock().await.write_all(&bytes).await };
        timeout(PATIENCE, written)
            .await
            .expect("Chromium listens")
            .expect("Chromium runs; tests/run installs it");
        let mut answer = timeout(PATIENCE * 2, answered)
            .await
            .unwrap_or_else(|_| panic!("{method}: Chromium does not answer"))
            .unwrap_or_else(|_| panic!("{method}: Chromium has ended; tests/run installs it"));
        // The page that was asked has gone meanwhile: there is no answer, and the next one is asked again.
        if answer["error"]["message"] == GONE {
            return Value::Null;
        }
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    /// What has happened in a tab.
    pub(super) fn events(&self, session: &str) -> Vec<Value> {
        let heard = self.heard.lock().unwrap();
        heard.events.iter().filter(|event| event["sessionId"] == session).cloned().collect()
    }
}

/// Takes what Chromium says: answers to those who wait for them, and all else in its order.
async fn read(stdout: ChildStdout, pipe: Arc<Pipe>) {
    let mut stdout = BufReader::new(stdout);
    let mut message = Vec::new();
    while stdout.read_until(0, &mut message).await.is_ok_and(|read| read > 0) {
        message.pop();
        let said: Value = serde_json::from_slice(&message).unwrap();
        message.clear();
        let mut heard = pipe.heard.lock().unwrap();
        match said["id"].as_u64().and_then(|id| heard.awaited.remove(&id)) {
            Some(sender) => {
                let _nobody_waits_any_more = sender.send(said);
            }
            None => heard.events.push(said),
        }
    }
    pipe.heard.lock().unwrap().awaited.clear();
}
