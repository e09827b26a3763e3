//! A tab of the browser: what a person sees and does in it, and what goes wrong behind it.

use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::browser::Pipe;
use crate::support::eventually;

/// One tab.
pub(super) struct Tab {
    pipe: Arc<Pipe>,
    target: Value,
    session: String,
}

impl Tab {
    pub(super) async fn new(pipe: Arc<Pipe>, target: Value, session: String) -> Self {
        let tab = Self { pipe, target, session };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            tab.send(&format!("{domain}.enable"), json!({})).await;
        }
        // A tab in front: only there is something focused, and nothing is slowed down.
        tab.send("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })).await;
        tab.window(1280, 900).await;
        tab
    }

    pub(super) async fn send(&self, method: &str, params: Value) -> Value {
        self.pipe.send(Some(&self.session), method, params).await
    }

    /// Goes there and waits until all of it has come.
    pub(super) async fn open(&self, url: &str) {
        let went = self.send("Page.navigate", json!({ "url": url })).await;
        assert!(went.get("errorText").is_none(), "{url}: {went}");
        self.until("the page has come", "document.readyState === 'complete'").await;
    }

    pub(super) async fn close(self) {
        self.pipe.send(None, "Target.closeTarget", json!({ "targetId": self.target })).await;
    }

    /// The value of an expression in the page, also where the page may run no script.
    pub(super) async fn value(&self, expression: &str) -> Value {
        let what = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut got = self.send("Runtime.evaluate", what).await;
        assert!(got.get("exceptionDetails").is_none(), "{expression}: {got}");
        got["result"]["value"].take()
    }

    /// The text of the first element that a selector finds, as a person reads it; empty: there is none.
    pub(super) async fn text(&self, selector: &str) -> String {
        let selector = Value::from(selector);
        let text =
            self.value(&format!("document.querySelector({selector})?.innerText ?? ''")).await;
        text.as_str().unwrap().to_owned()
    }

    /// Waits until an expression is true.
    pub(super) async fn until(&self, what: &str, expression: &str) {
        // While a page goes and the next one comes, there may be nothing to ask.
        let guarded =
            format!("(() => {{ try {{ return !!({expression}) }} catch {{ return false }} }})()");
        eventually(what, || async {
            let what = json!({ "expression": guarded, "returnByValue": true });
            self.send("Runtime.evaluate", what).await["result"]["value"] == true
        })
        .await;
    }

    /// Waits until the text of an element has this in it.
    pub(super) async fn until_text(&self, selector: &str, text: &str) {
        let (quoted, wanted) = (Value::from(selector), Value::from(text));
        let has = format!("document.querySelector({quoted})?.innerText.includes({wanted})");
        self.until(&format!("{selector} says {text}"), &has).await;
    }

    pub(super) async fn window(&self, width: u32, height: u32) {
        let is_phone = width < 500;
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone });
        self.send("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// `light` or `dark`.
    pub(super) async fn scheme(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.send("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    pub(super) async fn without_script(&self) {
        self.send("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    }

    /// Presses a key: `Tab`, `Enter`, `Space`.
    pub(super) async fn press(&self, key: &str) {
        let (name, code, text) = match key {
            "Tab" => ("Tab", 9, ""),
            "Enter" => ("Enter", 13, "\r"),
            "Space" => (" ", 32, " "),
            other => panic!("no key {other}"),
        };
        for kind in [if text.is_empty() { "rawKeyDown" } else { "keyDown" }, "keyUp"] {
            let mut event =
                json!({ "type": kind, "key": name, "code": key, "windowsVirtualKeyCode": code });
            if kind == "keyDown" {
                event["text"] = text.into();
            }
            self.send("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Writes where the focus is.
    pub(super) async fn write(&self, text: &str) {
        self.send("Input.insertText", json!({ "text": text })).await;
    }

    /// Clicks in the middle of an element, wherever it is on the page.
    pub(super) async fn click(&self, selector: &str) {
        // What comes in above it just then may push it away from under the pointer, as it may for a person.
        eventually(&format!("{selector} is clicked"), || self.clicked(selector)).await;
    }

    async fn clicked(&self, selector: &str) -> bool {
        let selector = Value::from(selector);
        let at = self
            .value(&format!(
                "(() => {{ const element = document.querySelector({selector});
                  if (!element) return 'not there';
                  element.scrollIntoView({{ block: 'center' }});
                  const {{ x, y, width, height }} = element.getClientRects()[0];
                  const at = [x + width / 2, y + height / 2];
                  const hit = document.elementFromPoint(...at);
                  addEventListener('pointerdown',
                    ({{ target }}) => {{ window.missed = !target.closest({selector}) }}, {{ once: true }});
                  return element.contains(hit) ? at : 'covered by ' + hit?.outerHTML }})()"
            ))
            .await;
        if at.is_null() {
            return false;
        }
        assert!(at.is_array(), "{selector} cannot be clicked: {at}");
        let mouse = async |kind: &str, x: &Value, y: &Value| {
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.send("Input.dispatchMouseEvent", event).await;
        };
        mouse("mousePressed", &at[0], &at[1]).await;
        let missed = self.value("window.missed").await == true;
        let elsewhere = Value::from(0);
        let (x, y) = if missed { (&elsewhere, &elsewhere) } else { (&at[0], &at[1]) };
        mouse("mouseReleased", x, y).await;
        !missed
    }

    /// What has the focus: its text, or its name where it has none.
    pub(super) async fn focused(&self) -> String {
        let focused = "(() => { const at = document.activeElement;
            return at === document.body ? '' : at.innerText?.trim() || at.name || at.tagName })()";
        self.value(focused).await.as_str().unwrap().to_owned()
    }

    /// A picture of the whole page, for whoever wants to look: `tmp/page/NAME.png` in Cargo's target.
    pub(super) async fn picture(&self, name: &str) {
        let whole = json!({ "captureBeyondViewport": true });
        let picture = self.send("Page.captureScreenshot", whole).await;
        let png = BASE64_STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{name}.png")), png).unwrap();
    }

    /// What the console says: messages, exceptions, violations of the policy, requests that failed.
    pub(super) fn complaints(&self) -> Vec<String> {
        let events = self.pipe.events(&self.session);
        let complaint = |event: &Value| {
            let params = &event["params"];
            match event["method"].as_str()? {
                "Runtime.consoleAPICalled" => Some(params["args"].to_string()),
                "Runtime.exceptionThrown" => Some(params["exceptionDetails"].to_string()),
                "Log.entryAdded" => Some(params["entry"].to_string()),
                _ => None,
            }
        };
        events.iter().filter_map(complaint).collect()
    }

    /// The hosts that were asked for something, with their ports.
    pub(super) fn hosts(&self) -> BTreeSet<String> {
        let events = self.pipe.events(&self.session);
        let urls = events
            .iter()
            .filter(|event| event["method"] == "Network.requestWillBeSent")
            .filter_map(|event| event["params"]["request"]["url"].as_str());
        urls.filter_map(|url| url.split("://").nth(1)?.split('/').next().map(str::to_owned))
            .collect()
    }
}
